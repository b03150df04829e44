"""The same receipts by Python's `email` and a process of `openssl cms -verify` for each, as scripts do it.

usage: receipts.py FILE ROOT COUNT

Takes the record out, finds the reference, checks signature and chain. Nothing is stored.
"""
import email, email.policy, json, resource, subprocess, sys, tempfile, time
import xml.etree.ElementTree as xml

file, root, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def messages():
    with open(file, "rb") as source:
        while length := source.read(4):
            yield source.read(int.from_bytes(length, "big"))


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for part in message.walk():
        if part.get_filename() == "daticert.xml":
            record = xml.fromstring(part.get_payload(decode=True))
            return message["X-Ricevuta"], message["X-Riferimento-Message-ID"], record.findtext("dati/msgid")
    raise SystemExit("a receipt without record")


def verify(raw):
    with tempfile.NamedTemporaryFile(suffix=".eml") as kept:
        kept.write(raw)
        kept.flush()
        command = ["openssl", "cms", "-verify", "-in", kept.name, "-CAfile", root, "-out", "/dev/null"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


mails = [raw for raw, _ in zip(messages(), range(count))]
for name, work in (("email", read), ("openssl cms -verify", verify)):
    began, before = time.monotonic(), cpu()
    for raw in mails:
        work(raw)
    wall, spent = time.monotonic() - began, cpu() - before
    print(json.dumps({"peer": f"python {name}", "receipts": len(mails), "per_second": round(len(mails) / wall),
        "cpu_s_per_1000": round(spent / len(mails) * 1000, 3)}))
