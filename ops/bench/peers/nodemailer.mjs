// The same work by nodemailer: pooled SMTP, a template filled per message, a unique QR as inline PNG.
// Usage: node nodemailer.mjs PORT COUNT SESSIONS HTML_FILE
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";
import Handlebars from "handlebars";
import QRCode from "qrcode";

const [port, count, sessions, file] = process.argv.slice(2);
const source = readFileSync(file, "utf8").replaceAll("{{", "{ {");
const html = Handlebars.compile(source.replaceAll("D&#x27;Angelo", "{{family}}") + "<!-- {{n}} -->");
const transport = nodemailer.createTransport({
  host: "127.0.0.1", port: Number(port), secure: false, ignoreTLS: true, pool: true,
  maxConnections: Number(sessions), maxMessages: Infinity,
});
const started = process.hrtime.bigint();
const one = async (n) => {
  const qr = await QRCode.toBuffer(`HTTPS://MESSO.EXAMPLE/Q/${String(n).padStart(40, "0")}`, { errorCorrectionLevel: "Q" });
  await transport.sendMail({
    from: "segreteria@organismo.example", to: `anna${n}@example.test`, subject: `Comunicazione n. ${n}`,
    text: `Gentile persona ${n}, la sua pratica la attende. `.repeat(40),
    html: html({ family: `Rossi ${n}`, n }),
    attachments: [{ filename: "qr.png", content: qr, cid: "qr" }],
  });
};
let next = 0;
const lane = async () => { while (next < Number(count)) await one(next++); };
await Promise.all(Array.from({ length: Number(sessions) * 3 }, lane));
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const cpu = process.cpuUsage();
console.log(JSON.stringify({
  sender: "nodemailer", messages: Number(count), seconds,
  per_second: Number(count) / seconds, cpu_s_per_1000: (cpu.user + cpu.system) / 1e6 / Number(count) * 1000,
}));
transport.close();
