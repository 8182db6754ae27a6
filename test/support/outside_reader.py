"""Replays systems' histories through the API with what docs/http.md says (replay.py beside it), as any outside program would.

Usage: outside_reader.py DIRECTORY_OF_REPLAY URL TOKEN < keys, one a line. Prints {"systems", "steps", "wrong": ["KEY RECORD", …]}.
"""

import decimal
import json
import sys
import urllib.request

sys.path.insert(0, sys.argv[1])
from replay import canonical, replay  # noqa: E402


def get(path):
    request = urllib.request.Request(sys.argv[2] + path, headers={"Authorization": "Bearer " + sys.argv[3]})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read(), parse_float=decimal.Decimal)["data"]


def pages(path, name):
    rows, cursor = [], None
    while True:
        data = get(path + "?limit=1000" + ("&cursor=" + cursor if cursor else ""))
        rows += data[name]
        cursor = data["next_cursor"]
        if cursor is None:
            return rows


def check(key):
    base = "/api/admin/systems/" + key + "/inventory"
    records = [row["id"] for row in reversed(pages(base + "/history", "records"))]
    changes = {}
    for change in reversed(pages(base + "/changes", "changes")):
        whole = get(base + "/changes/" + change["id"]) if change["truncated"] else change
        changes.setdefault(change["record_id"], []).append(whole)
    document = get(base + "/records/" + records[0])["inventory"]
    for record in records[1:]:
        document = replay(document, changes.get(record, []))
        truth = get(base + "/records/" + record)["inventory"]
        yield record, canonical(document) == canonical(truth)


systems, steps, wrong = 0, 0, []
for line in sys.stdin:
    systems += 1
    for record, is_right in check(line.strip()):
        steps += 1
        if not is_right:
            wrong.append(line.strip() + " " + record)
print(json.dumps({"systems": systems, "steps": steps, "wrong": wrong}))
