"""From the request to the API to the first byte at the relay, one notice at a time on an idle server.

The relay is played here, so that one clock sees both ends: the request is about to be written, and the first byte of MAIL
comes in on a connection that is kept. usage: latency.py MESSO DATA COUNT
"""
import http.client, json, os, socket, statistics, subprocess, sys, threading, time

messo, data, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
first_byte, heard = [0.0], threading.Event()


def relay(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lines, content = connection.makefile("rb"), False
    connection.sendall(b"220 relay\r\n")
    for line in lines:
        if content:
            if line == b".\r\n":
                content = False
                connection.sendall(b"250 2.0.0 Ok\r\n")
            continue
        word = line.split()[0].upper()
        if word == b"MAIL":
            first_byte[0] = time.perf_counter()
            heard.set()
        content = word == b"DATA"
        answers = {b"EHLO": b"250-relay\r\n250 PIPELINING\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
        connection.sendall(answers.get(word, b"250 Ok\r\n"))


def request(number):
    return {
        "template": "convocazione", "plan": "email",
        "case": {"number": str(number), "year": 2026, "filed_on": "2026-11-02", "matter": "condominio"},
        "meeting": {"at": "2026-12-20T10:00", "place": "Sala Blu, Via Larga 7, Firenze"},
        "recipients": [{"role": "convocato", "given_name": "Anna", "family_name": f"Bruni {number}",
                        "email": f"anna{number}@example.test"}],
    }


def listen():
    while True:
        threading.Thread(target=relay, args=(server.accept()[0],), daemon=True).start()


server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=listen, daemon=True).start()
relay_url = f"smtp://127.0.0.1:{server.getsockname()[1]}"
subprocess.run([messo, "init", "--data", data, "--smtp", relay_url], check=True, capture_output=True)
key = subprocess.run([messo, "key", "create", "bench", "--data", data], check=True, capture_output=True, text=True)
key = key.stdout.split()[-1]
host, port = os.environ["MESSO_SERVER_LISTEN"].split(":")
child = subprocess.Popen([messo, "serve", "--data", data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(200):
        try:
            socket.create_connection((host, int(port)), 0.2).close()
            break
        except OSError:
            time.sleep(0.02)
    api = http.client.HTTPConnection(host, int(port))
    api.connect()
    api.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken = []
    for number in range(count + 10):
        body = json.dumps(request(number))
        heard.clear()
        began = time.perf_counter()
        api.request("POST", "/v1/notices", body, {"Authorization": f"Bearer {key}", "Idempotency-Key": f"n{number}",
                                                  "Content-Type": "application/json"})
        answer = api.getresponse()
        said = answer.read()
        if answer.status != 201:
            sys.exit(f"{answer.status}: {said[:300]}")
        if not heard.wait(10):
            sys.exit("no mail came within ten seconds")
        taken.append((first_byte[0] - began) * 1000)
        time.sleep(0.02)
finally:
    child.terminate()
    child.wait()
taken = sorted(taken[10:])
print(json.dumps({"notices": len(taken), "median_ms": round(statistics.median(taken), 2),
                  "p99_ms": round(taken[int(len(taken) * 0.99) - 1], 2), "worst_ms": round(taken[-1], 2)}))
