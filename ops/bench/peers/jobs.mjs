// BullMQ on a private Redis with an append-only file: 1 KB jobs added in bulk, then worked off.
//   node jobs.mjs PORT COUNT
import { Queue, Worker } from "bullmq";

const [port, count] = [Number(process.argv[2]), Number(process.argv[3])];
const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
const queue = new Queue("bench", { connection });
const payload = "x".repeat(1024);
for (let from = 0; from < count; from += 1000) {
  const size = Math.min(1000, count - from);
  await queue.addBulk(Array.from({ length: size }, () => ({ name: "job", data: { payload } })));
}
let done = 0;
const began = performance.now();
await new Promise((resolve) => {
  const worker = new Worker("bench", async () => {}, { connection, concurrency: 64 });
  worker.on("completed", () => {
    if (++done === count) worker.close().then(resolve);
  });
});
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ queue: "bullmq", jobs: count, per_second: Math.round(count / seconds) }));
await queue.close();
