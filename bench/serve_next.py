"""serve_next.py - how often an event is in the very next answer, and how soon that answer comes.

    serve_next.py URL USERS

For each of 500 users: ask, post an event of the first item, ask again.  The second answer counts if
that item has gone from it (what a person had is left out) and the rest has another order or other items.
"""
import http.client
import json
import sys
import time
import urllib.parse

url = urllib.parse.urlparse(sys.argv[1])
users = [line.strip() for line in open(sys.argv[2])][:500]
c = http.client.HTTPConnection(url.hostname, url.port)


def ask(method, path, body=None):
    c.request(method, path, json.dumps(body) if body else None)
    r = c.getresponse()
    text = r.read()
    if r.status != 200:
        sys.exit("%s %s: %d %s" % (method, path, r.status, text[:200]))
    return json.loads(text)


def items(user):
    path = "/v1/users/%s/recommendations?n=10" % urllib.parse.quote(user, safe="")
    return [i["item"] for i in ask("GET", path)["items"]]


seen, late = 0, []
for user in users:
    before = items(user)
    began = time.perf_counter()
    ask("POST", "/v1/events", {"user": user, "item": before[0]})
    after = items(user)
    late.append(time.perf_counter() - began)
    seen += before[0] not in after
late.sort()
print("a posted event is in the next answer: %d of %d; post and answer take %.2f ms (median), %.2f ms (p99)"
      % (seen, len(users), late[len(late) // 2] * 1e3, late[int(len(late) * 0.99)] * 1e3))
