"""Celery with a private broker: 1 KB tasks sent, then worked off by one worker process of eight threads.

    python3 jobs.py BROKER_URL COUNT
"""
import json
import os
import sys
import threading
import time

from celery import Celery

broker, count = sys.argv[1], int(sys.argv[2])
app = Celery("jobs", broker=broker)
app.conf.update(task_ignore_result=True, worker_redirect_stdouts=False, task_acks_late=True, worker_prefetch_multiplier=16)
done = 0
over = threading.Event()


@app.task(name="bench.job")
def job(payload):
    global done
    done += 1
    if done >= count:
        over.set()


payload = "x" * 1024
with app.connection_for_write() as connection, app.amqp.producer_pool.acquire(block=True) as producer:
    for _ in range(count):
        job.apply_async((payload,), producer=producer)
worker = app.Worker(pool="threads", concurrency=8, loglevel="ERROR", without_gossip=True, without_mingle=True, without_heartbeat=True)
began = time.monotonic()


def report():
    over.wait(120)
    seconds = time.monotonic() - began
    print(json.dumps({"queue": "celery", "jobs": done, "per_second": round(done / seconds)}), flush=True)
    os._exit(0)


# The worker wants the main thread for its signals.
threading.Thread(target=report, daemon=True).start()
worker.start()
