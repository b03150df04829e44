// The same receipts by npm mailparser (`simpleParser`), parsed and nothing more: node receipts.mjs FILE COUNT
import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";

const [file, count] = process.argv.slice(2);
const whole = readFileSync(file), mails = [];
for (let at = 0; at < whole.length && mails.length < Number(count); ) {
  const length = whole.readUInt32BE(at);
  mails.push(whole.subarray(at + 4, at + 4 + length));
  at += 4 + length;
}
for (const mail of mails.slice(0, 50)) await simpleParser(mail);
const before = process.cpuUsage();
for (const mail of mails) await simpleParser(mail);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ peer: "npm mailparser", receipts: mails.length, cpu_s_per_1000: (user + system) / 1000 / mails.length }));
