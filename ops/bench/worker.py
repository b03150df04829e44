"""The worker alone: runs `messo serve --role worker` until nothing waits; rate, CPU and memory as one JSON line.

usage: worker.py MESSO DATA COUNT
"""
import json, os, sqlite3, subprocess, sys, time

messo, data, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def waiting():
    rows = database.execute("SELECT count FROM tally WHERE batch_id = zeroblob(16) AND state = 'waiting'")
    return sum(row[0] for row in rows)


def memory(pid, field):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith(field)).split()[1]) // 1024


database = sqlite3.connect(f"file:{data}/messo.db?mode=ro", uri=True)
assert waiting() == count, "not everything waits to be sent"
began = time.monotonic()
child = subprocess.Popen([messo, "serve", "--role", "worker", "--data", data], stdout=subprocess.DEVNULL)
while left := waiting():
    if time.monotonic() - began > 600:
        sys.exit(f"{left} notices still wait after ten minutes")
    time.sleep(0.02)
wall = time.monotonic() - began
peak, after = memory(child.pid, "VmHWM"), memory(child.pid, "VmRSS")
child.terminate()
_, status, used = os.wait4(child.pid, 0)
states = dict(database.execute("SELECT state, count FROM tally WHERE batch_id = zeroblob(16)").fetchall())
cpu = used.ru_utime + used.ru_stime
print(json.dumps({
    "sender": "messo worker", "messages": count, "seconds": round(wall, 3), "per_second": round(count / wall),
    "cpu_s_per_1000": round(cpu / count * 1000, 3), "of_it_system": round(used.ru_stime / count * 1000, 3),
    "peak_rss_mb": peak, "rss_mb_after": after, "states": states, "exit": os.waitstatus_to_exitcode(status)}))
