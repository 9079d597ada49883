// test_browser.c - the dashboard in a headless Chromium: figures appear, an event changes the list,
// ids of any kind are text.
//
//     test_browser HABIT              the test
//     test_browser HABIT FILE.png     the picture of the README, on a simulated shop
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/browser.h"
#include "tests/serve_client.h"

#include <time.h>

static serve_place place;
static browser b;

#define ROWS(list) "document.querySelectorAll('#" list " .row').length"

// --- a shop whose last day is today -----------------------------------------------------------------

static bool make_shop(const char *users, const char *items, const char *events)
{
    const time_t first = time(NULL) - 90 * 86400;
    char date[20];
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&first));
    return serve_run(&place, "simulate", "--out", "shop", "--users", users, "--items", items,
                     "--events", events, "--start", date, "--robots", "0", "--dirt", "0", "--quiet",
                     NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--items", "shop/items.csv", "--protocol",
                     "all", "--model", "itemknn", "--out", "shop.model", "--quiet", NULL) == 0;
}

typedef struct shop_event {
    char user[32], item[32], time[32], behaviour[32];
} shop_event;

// The columns of events.csv in their order; false at the end.
static bool next_event(FILE *f, shop_event *e)
{
    char line[300];
    return fgets(line, sizeof line, f) && sscanf(line, "%31[^,],%31[^,],%31[^,],%31[^,]", e->user,
                                                 e->item, e->time, e->behaviour) == 4;
}

// Posts the next `n` events, under their own time, or as of now; returns how many there were.
static int post_events(serve_client *c, FILE *f, int n, bool now)
{
    static char body[400000];
    shop_event e;
    size_t len = 0;
    int k = 0;
    while (k < n && len + 200 < sizeof body && next_event(f, &e)) {
        if (strtoll(e.time, NULL, 10) > time(NULL)) continue;
        len +=
            (size_t)snprintf(body + len, sizeof body - len,
                             "{\"user\":\"%s\",\"item\":\"%s\",\"behaviour\":\"%s\"%s%s}\n", e.user,
                             e.item, e.behaviour, now ? "" : ",\"time\":", now ? "" : e.time);
        k++;
    }
    if (k) CHECK(client_ask(c, "POST", "/v1/events", body) == 200, "%s", c->body);
    return k;
}

static FILE *open_log(void)
{
    char header[300];
    FILE *f = fopen("shop/events.csv", "r");
    if (f && !fgets(header, sizeof header, f)) header[0] = '\0';
    return f;
}

static void go(int port, const char *hash)
{
    char url[400];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", port, hash);
    browser_go(&b, "about:blank");
    CHECK(browser_go(&b, url), "cannot go to %s", url);
}

// --- the test ---------------------------------------------------------------------------------------

#define EVENTS_SHOWN "document.querySelectorAll('#timeline .event').length"
#define ALL "document.body.innerText"

// The expression must become true; else what the page says is shown.
static void expect(const char *what, const char *expression)
{
    const bool came = browser_until(&b, expression);
    CHECK(came, "%s: never %s in\n%s", what, expression, browser_text(&b, ALL));
}

static void test_figures(serve_client *c, FILE *log)
{
    static const char *const events =
        "Number(document.querySelector('.figure .below').textContent.replace(/\\D/g, ''))";
    expect("figures", "document.querySelectorAll('.figure').length === 6");
    expect("state", "$('state').textContent === 'ready'");
    expect("model", "/shop itemknn · [0-9a-f]{8} · loaded/.test($('models').textContent)");
    char text[300];
    snprintf(text, sizeof text, "%s > 6000", events);
    expect("events", text);
    const double before = browser_number(&b, events);
    post_events(c, log, 30, true);
    expect("events a second",
           "parseFloat(document.querySelector('.figure .value').textContent) > 0");
    snprintf(text, sizeof text, "%s === %g", events, before + 30);
    expect("30 more", text);
    expect("a line",
           "document.querySelector('.figure .line').getAttribute('d').split('L').length > 2");
    expect("time of a write",
           "/^[\\d.]+m?s$/.test(document.querySelectorAll('.figure .value')[3].textContent)");
    expect("popular", "document.querySelectorAll('#popular li').length === 10");
    expect("latest", "document.querySelectorAll('#latest li').length === 12");
    expect("durability", "/durability always.*store takes writes/.test($('facts').textContent)");
    expect("rows", "/[1-9][\\d,]* events stored/.test($('figures').textContent)");
}

// A text as an expression.
static const char *quoted(const char *text)
{
    static char out[4][4000];
    static int turn;
    json_t *value = json_string(text);
    char *dumped = json_dumps(value, JSON_ENCODE_ANY);
    turn = (turn + 1) % 4;
    snprintf(out[turn], sizeof out[turn], "%s", dumped);
    free(dumped);
    json_decref(value);
    return out[turn];
}

static void show(const char *user)
{
    char text[9000];
    snprintf(text, sizeof text, "$('user').value = %s; $('who').requestSubmit()", quoted(user));
    browser_value(&b, text);
    snprintf(text, sizeof text,
             "$('person-title').textContent === %s && person.next && person.next.user === %s && "
             "!$('person').hidden",
             quoted(user), quoted(user));
    expect("a person", text);
}

static void test_person(serve_client *c)
{
    char first[100], text[300];
    show("u006");
    CHECK(browser_number(&b, ROWS("next")) == 10, "%g rows", browser_number(&b, ROWS("next")));
    CHECK(client_get(c, "/v1/users/u006?n=200") == 200, "%s", c->body);
    const double events = browser_number(&b, EVENTS_SHOWN);
    CHECK(events == (double)client_count(c, "events") && events > 2, "%g events", events);
    expect("sources", "[...document.querySelectorAll('#next .source')].every(s => "
                      "s.textContent.endsWith('model'))");
    expect(
        "scores",
        "[...document.querySelectorAll('#next .score')].every(s => parseFloat(s.textContent) > 0)");
    expect("titles", "document.querySelector('#next .word').textContent.includes(' ')");
    expect("nothing to compare with", "$('before').hidden");
    snprintf(first, sizeof first, "%s",
             browser_text(&b, "document.querySelector('#next .row').dataset.item"));
    browser_value(&b, "document.querySelector('#next .take').click()");
    expect("what changed", "$('lists').classList.contains('compared') && /^After \\w+ of .*: "
                           "[1-9]\\d* new, /.test($('said').textContent)");
    expect("what was taken", "document.querySelector('#before .row').classList.contains('taken')");
    snprintf(text, sizeof text,
             "[...document.querySelectorAll('#next .row')].every(r => r.dataset.item !== '%s')",
             first);
    expect("what was taken is not recommended", text);
    expect("movement", "document.querySelectorAll('#moves path').length > 0 && "
                       "document.querySelector('#next .move.new') !== null");
    snprintf(text, sizeof text,
             EVENTS_SHOWN
             " === %g && document.querySelector('#timeline .event').classList.contains('fresh')",
             events + 1);
    expect("the timeline", text);
    CHECK(client_get(c, "/v1/users/u006?n=1") == 200 &&
              strcmp(client_text(c, "events.0.item"), first) == 0 &&
              strlen(client_text(c, "events.0.recommendation_id")) == 32,
          "%s", c->body);
}

// Through the form, and from elsewhere.
static void test_more_events(serve_client *c)
{
    char text[300];
    const double events = browser_number(&b, EVENTS_SHOWN);
    browser_value(
        &b, "$('item').value = 'i020'; $('behaviour').value = 'buy'; $('add').requestSubmit()");
    expect("the form", "/^After buy of /.test($('said').textContent)");
    CHECK(client_get(c, "/v1/users/u006?n=1") == 200 &&
              strcmp(client_text(c, "events.0.item"), "i020") == 0 &&
              strcmp(client_text(c, "events.0.behaviour"), "buy") == 0,
          "%s", c->body);
    CHECK(client_ask(c, "POST", "/v1/events", "{\"user\":\"u006\",\"item\":\"i021\"}") == 200, "%s",
          c->body);
    expect("an event from elsewhere", "/^After a new event: /.test($('said').textContent)");
    snprintf(text, sizeof text, EVENTS_SHOWN " === %g", events + 2);
    expect("both are in the timeline", text);
}

static void test_strangers(void)
{
    show("nobody at all");
    expect("nothing is known", "/^Nothing is known/.test($('timeline-title').textContent)");
    browser_value(&b, "$('item').value = 'i020'; $('add').requestSubmit()");
    expect("known from the first event", EVENTS_SHOWN " === 1 && " ROWS("next") " > 0");
}

// Ids that would do something if anybody parsed them.
static void test_hostile(serve_client *c)
{
    static const char *const ids[] = {
        "<script>window.hit=1</script>",
        "<img src=x onerror=window.hit=1>",
        "\"'><svg onload=window.hit=1>",
        "</script><script>window.hit=1</script>",
        "javascript:window.hit=1",
        "a/b?c#d%2e&e=f",
        "__proto__",
        "  two  spaces\tand\nlines ",
        "\xe2\x80\xae"
        "backwards \xf0\x9f\x98\x80",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };
    char text[9000];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const char *id = quoted(ids[i]);
        for (int k = 0; k < 3; k++) { // three people with it, so that it is in somebody's list
            snprintf(text, sizeof text, "{\"user\":%s,\"item\":%s,\"behaviour\":%s}",
                     k == 2 ? "\"u006\"" : id, k ? id : "\"i020\"", id);
            CHECK(client_ask(c, "POST", "/v1/events", text) == 200, "%s: %s", ids[i], c->body);
        }
        snprintf(
            text, sizeof text,
            "[...document.querySelectorAll('#latest li')].some(li => li.textContent.includes(%s))",
            id);
        expect(ids[i], text);
        browser_value(&b, "$('said').textContent = ''");
        snprintf(text, sizeof text, "$('user').value = %s; choose(%s)", id,
                 id); // a field of one line takes no line's end
        browser_value(&b, text);
        snprintf(
            text, sizeof text,
            "$('person-title').textContent === %s && " EVENTS_SHOWN " === 2 && "
            "[...document.querySelectorAll('#timeline .word')].some(w => w.textContent === %s)",
            id, id);
        expect(ids[i], text);
        snprintf(text, sizeof text, "add(%s)", id);
        browser_value(&b, text);
        expect(ids[i], EVENTS_SHOWN " === 3");
        snprintf(text, sizeof text, "like(%s)", id);
        browser_value(&b, text);
        snprintf(text, sizeof text, "location.hash = ''; location.hash = '#user=' + part(%s); true",
                 id);
        browser_value(&b, text);
    }
    CHECK(browser_is(&b, "window.hit === undefined && document.scripts.length === 1 && "
                         "!document.images.length && "
                         "!document.querySelector('[onerror],[onload]')"),
          "an id was parsed");
}

// Whose content is wider than itself.
#define TOO_WIDE                                                                                   \
    "[...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1 && "   \
    "getComputedStyle(e).overflowX === 'visible' && getComputedStyle(e).display !== 'inline')"     \
    ".map(e => `${e.tagName}#${e.id}.${e.className}`).join(' ')"

static void test_looks(void)
{
    static const int widths[] = { 320, 390, 768, 1280 };
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        browser_size(&b, widths[i], 800, 1);
        CHECK(browser_is(&b, "document.documentElement.scrollWidth <= innerWidth"), "%d: %s",
              widths[i], browser_text(&b, TOO_WIDE));
    }
    browser_scheme(&b, "dark");
    CHECK(strcmp(browser_text(&b, "getComputedStyle(document.body).backgroundColor"),
                 "rgb(19, 19, 18)") == 0,
          "%s", b.text);
    browser_scheme(&b, "light");
    CHECK(strcmp(browser_text(&b, "getComputedStyle(document.body).backgroundColor"),
                 "rgb(247, 246, 243)") == 0,
          "%s", b.text);
    CHECK(strcmp(browser_text(&b, "[...document.querySelectorAll('button,input,select')].filter(e "
                                  "=> !(e.textContent.trim() || "
                                  "e.getAttribute('aria-label'))).map(e => e.outerHTML).join()"),
                 "") == 0,
          "no name: %s", b.text);
}

// The contrast of texts with what is behind them, in both schemes: 4.5 at least (WCAG 2, AA).
static void test_contrast(void)
{
    static const char *const schemes[] = { "light", "dark" };
    static const char *const least =
        "(() => { const s = getComputedStyle(document.documentElement), light = name => {"
        "  const h = s.getPropertyValue(name).trim().slice(1), f = h.length === 3 ? [...h].map(x "
        "=> x + x).join('') : h;"
        "  const c = [0, 2, 4].map(i => parseInt(f.slice(i, i + 2), 16) / 255).map(v => v <= "
        ".03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);"
        "  return .2126 * c[0] + .7152 * c[1] + .0722 * c[2]; };"
        "  let least = 99;"
        "  for (const ink of ['--ink', '--soft', '--accent', '--up', '--down', '--bad']) for "
        "(const paper of ['--ground', '--panel']) {"
        "    const a = light(ink), b = light(paper); least = Math.min(least, (Math.max(a, b) + "
        ".05) / (Math.min(a, b) + .05)); }"
        "  return least; })()";
    for (size_t i = 0; i < 2; i++) {
        browser_scheme(&b, schemes[i]);
        CHECK(browser_number(&b, least) >= 4.5, "%s: %g", schemes[i], browser_number(&b, least));
    }
    browser_scheme(&b, "light");
}

// By the keyboard alone: Tab to the field, a name, Enter.
static void press(const char *name, int code)
{
    static const char *const types[] = { "keyDown", "keyUp" };
    for (int i = 0; i < 2; i++) {
        json_t *k = json_pack("{s:s, s:s, s:s, s:i}", "type", types[i], "key", name, "code", name,
                              "windowsVirtualKeyCode", code);
        if (code == 13 && i == 0) json_object_set_new(k, "text", json_string("\r"));
        browser_call(&b, "Input.dispatchKeyEvent", k);
    }
}

static void test_keyboard(void)
{
    browser_value(&b, "document.activeElement.blur(); scrollTo(0, 0); $('key-open').focus()");
    for (int i = 0; i < 5 && !browser_is(&b, "document.activeElement.id === 'user'"); i++)
        press("Tab", 9);
    CHECK(browser_is(&b, "document.activeElement.id === 'user'"),
          "Tab does not lead to the person");
    browser_value(&b, "$('user').select()");
    browser_call(&b, "Input.insertText", json_pack("{s:s}", "text", "u010"));
    press("Enter", 13);
    expect(
        "by the keyboard",
        "$('person-title').textContent === 'u010' && person.next && person.next.user === 'u010'");
    for (int i = 0; i < 12 && !browser_is(&b, "document.activeElement.className === 'take'"); i++)
        press("Tab", 9);
    const double events = browser_number(&b, EVENTS_SHOWN);
    char text[100];
    CHECK(events > 3 && events < 200, "%g events", events);
    press("Enter", 13);
    snprintf(text, sizeof text, EVENTS_SHOWN " === %g", events + 1);
    expect("an event by the keyboard", text);
}

static void test_deletion(serve_client *c)
{
    show("u010");
    browser_value(&b, "$('delete-open').click()");
    expect("it asks first", "$('deletion').open && $('deletion-who').textContent === 'u010'");
    CHECK(client_get(c, "/v1/users/u010") == 200, "deleted without an answer");
    browser_value(&b, "$('deletion').querySelector('.bad').click()");
    expect("deleted", "/deleted/.test($('nobody').textContent) && $('person').hidden");
    CHECK(client_get(c, "/v1/users/u010") == 404, "%s", c->body);
}

static void test_end(serve_process *p)
{
    serve_end(p, SIGTERM);
    expect("an end", "$('state').textContent === 'no answer' && !$('trouble').hidden");
}

// A service with keys: the page asks for one, keeps it in its tab, and shows nothing without it.
static void test_keys(void)
{
    serve_process p;
    char key[100] = "", text[300];
    CHECK(serve_run(&place, "key", "page", "--to", "keys.txt", NULL) == 0, "no key");
    FILE *f = fopen("run.log", "r"); // its words are all there; the key is the last line
    while (f && fgets(key, sizeof key, f)) {
    }
    if (f) fclose(f);
    key[strcspn(key, "\n")] = '\0';
    CHECK(
        serve_begin(&p, &place, "shop.model", "--store", "live.db", "--api-keys", "keys.txt", NULL),
        "no server");
    go(p.port, "");
    expect("locked", "$('state').textContent === 'locked' && $('keys').open");
    CHECK(browser_is(&b, "document.querySelectorAll('.figure').length === 0"), "figures");
    browser_value(&b, "$('key').value = 'wrong'; $('keys').querySelector('.main').click()");
    expect("locked still", "$('state').textContent === 'locked' && $('keys').open");
    snprintf(text, sizeof text, "$('key').value = %s; $('keys').querySelector('.main').click()",
             quoted(key));
    browser_value(&b, text);
    expect(
        "open",
        "$('state').textContent === 'ready' && document.querySelectorAll('.figure').length === 6");
    CHECK(browser_is(&b, "!$('keys').open && localStorage.length === 0 && $('key').value === ''"),
          "where is the key?");
    serve_end(&p, SIGTERM);
}

static void test_page(void)
{
    serve_process p;
    serve_client c;
    FILE *log = open_log();
    CHECK(log && serve_begin(&p, &place, "shop.model", "--store", "live.db", NULL), "no server");
    client_open(&c, p.port);
    browser_size(&b, 1280, 900, 1);
    go(p.port, "");
    expect("nothing yet", "/Post an event/.test($('nobody').textContent)");
    for (int i = 0; i < 3; i++) post_events(&c, log, 2200, false);
    test_figures(&c, log);
    test_person(&c);
    test_more_events(&c);
    test_strangers();
    test_hostile(&c);
    test_looks();
    test_contrast();
    test_keyboard();
    test_deletion(&c);
    CHECK(b.complaints == 0, "%d, the first: %s", b.complaints, b.complaint);
    client_close(&c);
    fclose(log);
    test_end(&p);
    b.complaints = 0; // of answers that did not come
    test_keys();
    CHECK(b.complaints == 0, "%d, the first: %s", b.complaints, b.complaint);
}

// --- the picture ------------------------------------------------------------------------------------

// People go on shopping, and ask, for some seconds.
static void live(serve_client *c, FILE *log, int seconds)
{
    char path[100];
    for (int i = 0; i < seconds * 10; i++) {
        if (i % 2 == 0) post_events(c, log, 1 + (i * 7 + i / 9) % 5, true);
        for (int k = 0; k < 4 + i * 5 % 7; k++) {
            snprintf(path, sizeof path, "/v1/users/u%04d/recommendations",
                     1 + (i * 37 + k * 11) % 2000);
            CHECK(client_get(c, path) == 200, "%s", c->body);
        }
        poll(NULL, 0, 95);
    }
}

static void take_picture(const char *path, const char *scheme, int width, int height)
{
    serve_process p;
    serve_client c;
    FILE *log = open_log();
    CHECK(log && serve_begin(&p, &place, "shop.model", "--store", "live.db", NULL), "no server");
    client_open(&c, p.port);
    while (post_events(&c, log, 2000, false) == 2000 && ftell(log) < 4500000) {
    }
    browser_size(&b, width, height, 1);
    browser_scheme(&b, scheme);
    go(p.port, "#user=u0006");
    live(&c, log, 40);
    browser_value(&b, "document.querySelector('#next .take').click()");
    expect("what changed", "$('said').textContent !== ''");
    live(&c, log, 4);
    CHECK(browser_shot(&b, path), "cannot write %s", path);
    CHECK(b.complaints == 0, "%s", b.complaint);
    client_close(&c);
    fclose(log);
    serve_end(&p, SIGTERM);
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#ifdef HAVE_SERVE
    char picture[4096] = "";
    if (argc > 2 && (*argv[2] == '/' || getcwd(picture, sizeof picture)))
        snprintf(picture + strlen(picture), sizeof picture - strlen(picture), "%s%s",
                 *picture ? "/" : "", argv[2]);
    serve_place_open(&place, argc, argv);
    if (!browser_open(&b, place.dir)) {
        serve_place_close(&place);
        puts("skipped: no chromium that starts");
        return CHECK_SKIPPED;
    }
    CHECK(*picture ? make_shop("2000", "1000", "100000") : make_shop("300", "120", "8000"),
          "no shop");
    if (*picture)
        take_picture(picture, argc > 3 ? argv[3] : "light",
                     argc > 4 ? (int)strtol(argv[4], NULL, 10) : 1120,
                     argc > 5 ? (int)strtol(argv[5], NULL, 10) : 915);
    else
        test_page();
    browser_close(&b);
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("skipped: built without the live service");
    return CHECK_SKIPPED;
#endif
}
