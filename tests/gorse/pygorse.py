"""pygorse.py - PyGorse, the official Python client, unchanged, against a running server.

    pygorse.py URL KEY

Every method of both its classes is called; what was put must come back equal.
"""
import asyncio
import inspect
import sys
import urllib.parse

from gorse import AsyncGorse, Gorse, GorseException

url, key = sys.argv[1:3]
checks = failed = 0
called = {}


def check(ok, what):
    global checks, failed
    checks += 1
    if not ok:
        failed += 1
        print('failed: %s' % what, file=sys.stderr)


def methods(cls):
    return {n for n, f in vars(cls).items() if inspect.isfunction(f) and not n.startswith('_')}


class Client:
    """Calls of either class as plain functions, counted."""

    def __init__(self, cls, secret=key):
        self.cls, self.client = cls, cls(url, secret)

    def has(self, name):  # some came with 0.5
        return hasattr(self.client, name)

    def __getattr__(self, name):
        method = getattr(self.client, name)

        def call(*args, **kwargs):
            called.setdefault(self.cls, set()).add(name)
            result = method(*args, **kwargs)
            return asyncio.run(result) if inspect.iscoroutine(result) else result
        return call


def refused(call, status, what):
    try:
        call()
        check(False, what)
    except GorseException as e:
        check(e.status_code == status, '%s: %s %s' % (what, e.status_code, e.message))
        check(e.message and not e.message.startswith('{'), '%s: %r' % (what, e.message))


def ids(answer):
    return [a['Id'] if isinstance(a, dict) else a if isinstance(a, str) else a.id for a in answer]


def users(c, p):
    user = {'UserId': p + 'u', 'Labels': {'age': 30, 'tags': ['a', 'b'], 'v': [0.1, -2.5e-9]}, 'Comment': 'c'}
    check(c.insert_user(user) == {'RowAffected': 1}, 'insert_user')
    check(c.get_user(p + 'u') == user, 'get_user')
    old = {'UserId': p + 'v', 'Labels': ['a', 'b', 'c'], 'Subscribe': ['d', 'e'], 'Comment': 'comment'}
    odd = {'UserId': p + 'caf\u00e9/ 100%?#', 'Labels': [], 'Comment': ''}
    check(c.insert_users([old, odd]) == {'RowAffected': 2}, 'insert_users')
    check(c.get_user(p + 'v') == old, 'a user of 0.4')
    check(c.get_user(urllib.parse.quote(odd['UserId'], safe='')) == odd, 'an odd id')
    all_users, cursor = [], ''
    while True:
        part, cursor = c.get_users(2, cursor)
        all_users += part
        if not cursor:
            break
    check({p + 'u', p + 'v', odd['UserId']} <= {u['UserId'] for u in all_users}, 'get_users')
    check(len({u['UserId'] for u in all_users}) == len(all_users), 'users twice')
    check(c.delete_user(p + 'v') == {'RowAffected': 1}, 'delete_user')
    refused(lambda: c.get_user(p + 'v'), 404, 'a deleted user')


def items(c, p):
    put = [{'ItemId': '%si%d' % (p, i), 'IsHidden': i == 3, 'Labels': ['l%d' % i], 'Categories': ['d', 'e%d' % i],
            'Timestamp': '2022-08-07T00:26:4%dZ' % i, 'Comment': 'comment %d' % i} for i in range(5)]
    for item in put:
        check(c.insert_item(item) == {'RowAffected': 1}, 'insert_item')
    check(c.get_item(p + 'i3') == put[3], 'get_item')
    got, cursor = [], ''
    while True:
        part, cursor = c.get_items(3, cursor)
        got += part
        if not cursor:
            break
    check([i for i in got if i['ItemId'].startswith(p + 'i')] == put, 'get_items')
    check(c.update_item(p + 'i3', labels={'x': 1.5}) == {'RowAffected': 1}, 'update_item')
    put[3]['Labels'] = {'x': 1.5}
    check(c.get_item(p + 'i3') == put[3], 'only labels are new')
    c.update_item(p + 'i3', is_hidden=False, categories=['z'], timestamp='2023-01-02T03:04:05.5Z', comment='')
    put[3].update(IsHidden=False, Categories=['z'], Timestamp='2023-01-02T03:04:05.5Z', Comment='')
    check(c.get_item(p + 'i3') == put[3], 'all else is new')
    if c.has('search_items'):
        check([i['ItemId'] for i in c.search_items('%sI4' % p)] == [p + 'i4'], 'search_items')
    check(c.delete_item(p + 'i4') == {'RowAffected': 1}, 'delete_item')
    refused(lambda: c.get_item(p + 'i4'), 404, 'a deleted item')


def feedback(c, p):
    t = '2024-05-01T12:00:00Z'
    check(c.insert_feedback('like', p + 'f', p + 'i1', t) == {'RowAffected': 1}, 'insert_feedback')
    check(c.insert_feedbacks([
        {'FeedbackType': 'read', 'UserId': p + 'f', 'ItemId': p + 'i2', 'Timestamp': t, 'Comment': 'c'},
        {'FeedbackType': 'read', 'UserId': p + 'f', 'ItemId': p + 'i1', 'Timestamp': t, 'Value': 2.5},
    ]) == {'RowAffected': 2}, 'insert_feedbacks')
    read = c.list_feedbacks('read', p + 'f')
    check(read == [
        {'FeedbackType': 'read', 'UserId': p + 'f', 'ItemId': p + 'i2', 'Value': 0, 'Timestamp': t, 'Comment': 'c'},
        {'FeedbackType': 'read', 'UserId': p + 'f', 'ItemId': p + 'i1', 'Value': 2.5, 'Timestamp': t, 'Comment': ''},
    ], 'list_feedbacks: %s' % read)
    got, cursor = [], ''
    while True:
        part, cursor = c.get_feedbacks(2, cursor)
        got += part
        if not cursor:
            break
    check(len([f for f in got if f['UserId'] == p + 'f']) == 3, 'get_feedbacks')
    if c.has('delete_feedback'):
        check(c.delete_feedback(p + 'f', p + 'i1') == {'RowAffected': 2}, 'delete_feedback')
        check([f['ItemId'] for f in c.list_feedbacks('read', p + 'f')] == [p + 'i2'], 'what is left')


def recommend(c, p):
    for i in ('i003', 'i017'):
        c.insert_feedback('view', p + 'r', i, '2024-05-01T12:00:00Z')
    got = c.get_recommend(p + 'r')
    check(len(got) == 10 and not {'i003', 'i017'} & set(ids(got)), 'get_recommend: %s' % ids(got))
    if not isinstance(got[0], str):  # 0.4 has ids alone
        check(all(a.score >= b.score for a, b in zip(got, got[1:])), 'scores')
    check(ids(c.get_recommend(p + 'r', n=4, offset=3)) == ids(got)[3:7], 'offset')
    stranger = c.get_recommend(p + 'nobody', n=5)
    check(len(stranger) == 5, 'somebody nobody knows')
    c.insert_item({'ItemId': p + 'only', 'Categories': [p + 'cat'], 'Timestamp': '2024-05-01T12:00:00Z'})
    check(ids(c.get_recommend(p + 'r', category=p + 'cat')) == [p + 'only'], 'a category')
    shown = ids(c.get_recommend(p + 'r', n=3, write_back_type='read'))
    check([f['ItemId'] for f in c.list_feedbacks('read', p + 'r')] == shown, 'write back')
    check(not set(shown) & set(ids(c.get_recommend(p + 'r', n=20))), 'what was shown is not shown again')
    later = ids(c.get_recommend(p + 'r', n=3, write_back_type='read', write_back_delay='10m'))
    check(ids(c.get_recommend(p + 'r', n=3)) == later, 'what is written back for later')
    session = c.session_recommend([{'FeedbackType': 'view', 'UserId': '0', 'ItemId': 'i003',
                                    'Timestamp': '2010-01-01T01:01:01.000001'}], 3)
    check(len(session) == 3 and 'i003' not in ids(session), 'session_recommend: %s' % session)
    near = c.get_neighbors('i003', n=4)
    check(len(near) == 4 and 'i003' not in ids(near) and near[0]['Score'] >= near[3]['Score'], 'get_neighbors')
    check(ids(c.get_neighbors('i003', n=2, offset=1)) == ids(near)[1:3], 'offset of neighbours')


for cls in (Gorse, AsyncGorse):
    client = Client(cls)
    prefix = 'py-' + cls.__name__ + '-'
    for part in (users, items, feedback, recommend):
        try:
            part(client, prefix)
        except Exception as e:  # one part does not hide the others
            check(False, '%s of %s: %r' % (part.__name__, cls.__name__, getattr(e, 'message', e)))
    if key:
        refused(lambda: Client(cls, 'no such key').get_users(1), 401, 'a wrong key')
    missed = methods(cls) - called.get(cls, set())
    check(not missed, 'methods of %s that were not called: %s' % (cls.__name__, ', '.join(sorted(missed))))
    print('%s: %d of %d methods' % (cls.__name__, len(methods(cls) - missed), len(methods(cls))))
print('%d checks, %d failed' % (checks, failed))
sys.exit(1 if failed or not checks else 0)
