// gorsejs.js - gorsejs, the official JavaScript client, unchanged, against a running server.
//
//     gorsejs.js URL KEY
//
// Every method is called; what was put must come back equal.
"use strict";
const assert = require("assert");
const { Gorse, GorseException } = require("gorsejs");

const [url, key] = process.argv.slice(2);
let checks = 0;
let failed = 0;
const called = new Set();

function check(ok, what) {
  checks++;
  if (ok) return;
  failed++;
  console.error("failed: " + what);
}

function same(got, want, what) {
  try {
    assert.deepStrictEqual(got, want);
    check(true, what);
  } catch (e) {
    check(false, what + ": " + JSON.stringify(got));
  }
}

// Calls are counted on their way to the client.
function client(secret) {
  return new Proxy(new Gorse({ endpoint: url, secret }), {
    get(target, name) {
      if (typeof target[name] === "function") called.add(name);
      return target[name];
    },
  });
}

async function refused(promise, code, what) {
  try {
    await promise;
    check(false, what);
  } catch (e) {
    check(e instanceof GorseException && e.code === code, what + ": " + e.code);
    check(e.message && e.message !== "[object Object]", what + ": " + e.message);
  }
}

const ids = (list) => list.map((a) => (typeof a === "string" ? a : a.Id));
const T = "2024-05-01T12:00:00Z";

async function users(c) {
  const user = { UserId: "js-u", Labels: ["a", "b", "c"], Comment: "comment" };
  same(await c.insertUser(user), 1, "insertUser");
  same(await c.getUser("js-u"), user, "getUser");
  same(await c.updateUser("js-u", { Comment: "new" }), 1, "updateUser");
  same(await c.getUser("js-u"), { ...user, Comment: "new" }, "only the comment is new");
  const odd = { UserId: "js-caf\u00e9/ 100%?#", Labels: { x: 1.5 }, Comment: "" };
  same(await c.insertUsers([odd, { UserId: "js-v" }]), 2, "insertUsers");
  same(await c.getUser(encodeURIComponent(odd.UserId)), odd, "an odd id");
  const all = [];
  for (let cursor = ""; ; ) {
    const page = await c.getUsers({ n: 2, Cursor: cursor });
    all.push(...page.Users.map((u) => u.UserId));
    if (!(cursor = page.Cursor)) break;
  }
  check(["js-u", "js-v", odd.UserId].every((u) => all.includes(u)), "getUsers");
  check(new Set(all).size === all.length, "users twice");
  same(await c.deleteUser("js-u"), 1, "deleteUser");
  await refused(c.getUser("js-u"), 404, "a deleted user");
}

async function items(c) {
  const item = {
    ItemId: "js-1",
    IsHidden: true,
    Labels: ["a", "b", "c"],
    Categories: ["d", "e"],
    Timestamp: "2022-08-07T00:26:46Z",
    Comment: "comment",
  };
  same(await c.upsertItem(item), 1, "upsertItem");
  same(await c.getItem("js-1"), item, "getItem");
  same(await c.updateItem("js-1", { IsHidden: false, Labels: { t: ["x"] } }), 1, "updateItem");
  same(await c.getItem("js-1"), { ...item, IsHidden: false, Labels: { t: ["x"] } }, "a part is new");
  same(await c.insertItemCategory("js-1", "f"), 1, "insertItemCategory");
  same((await c.getItem("js-1")).Categories, ["d", "e", "f"], "a category more");
  same(await c.deleteItemCategory("js-1", "e"), 1, "deleteItemCategory");
  same((await c.getItem("js-1")).Categories, ["d", "f"], "a category less");
  const when = new Date(Date.UTC(2023, 1, 3, 4, 5, 6));
  same(await c.upsertItems([{ ItemId: "js-2", IsHidden: false, Timestamp: when }, { ...item, ItemId: "js-3" }]), 2, "upsertItems");
  same((await c.getItem("js-2")).Timestamp, "2023-02-03T04:05:06Z", "a date");
  const all = [];
  for (let cursor = ""; ; ) {
    const page = await c.getItems({ n: 50, Cursor: cursor });
    all.push(...page.Items.map((i) => i.ItemId));
    if (!(cursor = page.Cursor)) break;
  }
  check(["js-1", "js-2", "js-3"].every((i) => all.includes(i)), "getItems");
  same(await c.deleteItem("js-3"), 1, "deleteItem");
  await refused(c.getItem("js-3"), 404, "a deleted item");
}

async function feedback(c) {
  const put = ["js-1", "js-2", "js-4"].map((ItemId, i) => ({
    FeedbackType: i ? "read" : "like",
    UserId: "js-f",
    ItemId,
    Timestamp: T,
  }));
  const got = (i, Value = 0) => ({ ...put[i], Value, Comment: "" });
  same(await c.insertFeedbacks(put), 3, "insertFeedbacks");
  const one = { type: "like", userId: "js-f", itemId: "js-1" };
  same(await c.getFeedback(one), got(0), "getFeedback");
  same(await c.upsertFeedbacks([{ ...put[0], Value: 3 }]), 1, "upsertFeedbacks");
  same(await c.getFeedback(one), got(0, 3), "it is replaced");
  same(await c.getUserFeedback("js-f"), [got(0, 3), got(1), got(2)], "getUserFeedback");
  same(await c.getUserFeedbackByType("js-f", "read"), [got(1), got(2)], "getUserFeedbackByType");
  same(await c.getItemFeedback("js-2"), [got(1)], "getItemFeedback");
  same(await c.getItemFeedbackByType("js-2", "like"), [], "getItemFeedbackByType");
  for (const type of [undefined, "read"]) {
    const all = [];
    for (let cursor = ""; ; ) {
      const page = await c.getFeedbacks(type, { n: 2, Cursor: cursor });
      all.push(...page.Feedback);
      if (!(cursor = page.Cursor)) break;
    }
    const mine = all.filter((f) => f.UserId === "js-f");
    same(mine.length, type ? 2 : 3, "getFeedbacks of " + type);
  }
  same(await c.deleteFeedback(one), { RowAffected: 1 }, "deleteFeedback");
  await refused(c.getFeedback(one), 404, "deleted feedback");
}

async function recommend(c) {
  const seen = ["i003", "i017"];
  await c.insertFeedbacks(seen.map((ItemId) => ({ FeedbackType: "view", UserId: "js-r", ItemId, Timestamp: T })));
  const got = await c.getRecommend({ userId: "js-r" });
  check(got.length === 10 && got.every((i) => typeof i === "string" && !seen.includes(i)), "getRecommend: " + got);
  same(await c.getRecommend({ userId: "js-r", cursorOptions: { n: 3, offset: 2 } }), got.slice(2, 5), "offset");
  await c.upsertItem({ ItemId: "js-only", IsHidden: false, Categories: ["js-cat"], Timestamp: "2023-06-01T00:00:00Z" });
  same(await c.getRecommend({ userId: "js-r", category: "js-cat" }), ["js-only"], "a category");
  const shown = await c.getRecommend({ userId: "js-r", writeBackType: "read", cursorOptions: { n: 3 } });
  same((await c.getUserFeedbackByType("js-r", "read")).map((f) => f.ItemId), shown, "write back");
  const later = await c.getRecommend({ userId: "js-r", writeBackType: "read", writeBackDelay: "1h30m" });
  same(await c.getRecommend({ userId: "js-r" }), later, "what is written back for later");
  const session = [{ FeedbackType: "view", UserId: "x", ItemId: "i003", Timestamp: T }];
  check((await c.getSessionRecommend(session)).length === 10, "getSessionRecommend");
  same(ids(await c.getSessionRecommend(session, { category: "js-cat" })), ["js-only"], "a session in a category");
  const near = await c.getItemNeighbors({ itemId: "i003", cursorOptions: { n: 4 } });
  check(near.length === 4 && !ids(near).includes("i003") && near[0].Score >= near[3].Score, "getItemNeighbors");
  same(await c.getItemNeighbors({ itemId: "i003", category: "nothing" }), [], "neighbours in a category");
  await c.insertFeedbacks(seen.map((ItemId) => ({ FeedbackType: "view", UserId: "js-s", ItemId, Timestamp: T })));
  await c.getRecommend({ userId: "js-s" }); // of those seen lately
  const people = await c.getUserNeighbors({ userId: "js-r", cursorOptions: { n: 200 } });
  check(ids(people).includes("js-s") && !ids(people).includes("js-r"), "getUserNeighbors");
  const popular = await c.getPopular({ cursorOptions: { n: 5 } });
  check(popular.length === 5 && popular[0].Score >= popular[4].Score, "getPopular");
  await c.insertFeedbacks([{ FeedbackType: "view", UserId: "js-r", ItemId: "js-only", Timestamp: T }]);
  same(ids(await c.getPopular({ category: "js-cat" })), ["js-only"], "popular in a category");
  await c.upsertItem({ ItemId: "js-new", IsHidden: false, Timestamp: new Date() });
  same(ids(await c.getLatest({ cursorOptions: { n: 1 } })), ["js-new"], "getLatest");
  same(ids(await c.getLatest({ category: "js-cat" })), ["js-only"], "latest in a category");
}

(async () => {
  const c = client(key);
  for (const part of [users, items, feedback, recommend]) {
    try {
      await part(c);
    } catch (e) {
      check(false, part.name + ": " + (e.code || "") + " " + (e.stack || e.message || e)); // one part does not hide the others
    }
  }
  if (key) await refused(client("no such key").getUsers(), 401, "a wrong key");
  const all = Object.getOwnPropertyNames(Gorse.prototype).filter((n) => n !== "constructor");
  const missed = all.filter((n) => !called.has(n));
  check(missed.length === 0, "methods that were not called: " + missed);
  console.log(`Gorse: ${all.length - missed.length} of ${all.length} methods`);
  console.log(`${checks} checks, ${failed} failed`);
  process.exit(failed || !checks ? 1 : 0);
})();
