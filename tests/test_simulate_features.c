// test_simulate_features.c - every feature of the simulated world shows in its files, by plain
// counting, without a look at the truth; and is gone where it can be turned off.
#include "tests/simulated.h"
#include "base/clock.h"

#include <ctype.h>
#include <math.h>

enum { CATEGORIES = 48, HOUR = 3600 };

typedef struct person {
    double lat, lon;
    bool both;
} person;

typedef struct thing {
    double lat, lon;
    int64_t born; // seconds since 1970
    const char *title, *category, *platform;
    size_t category_length;
    int number; // of the category
} thing;

// A simulated folder as counted here: events by user, in time order within each.
typedef struct shown {
    seen_log log;
    char *users_text, *items_text;
    person *user;
    thing *item;
    size_t users, items, categories;
    size_t *begin; // [users + 1]
    seen_event *by_user;
} shown;

// --- reading -------------------------------------------------------------------------------------

static char *text_of(const char *dir, const char *name, size_t *lines)
{
    char *path = path_join(dir, name), *text = NULL;
    size_t len = 0;
    CHECK_OK(file_read(&text, &len, path, (size_t)1 << 28, err));
    mem_free(path);
    *lines = 0;
    for (size_t i = 0; i < len; i++) *lines += text[i] == '\n';
    return text;
}

// The field after the k-th comma of a line; no field of these tables is quoted.
static const char *field(const char *line, int k)
{
    for (; k > 0; k--) line = strchr(line, ',') + 1;
    return line;
}

static int64_t seconds_of(const char *date)
{
    int64_t at = 0;
    CHECK(time_parse_iso(date, 10, &at), "'%.10s' is no date", date);
    return at / 1000000;
}

static void read_items(shown *s, const char *dir)
{
    s->items_text = text_of(dir, "items.csv", &s->items);
    s->item = NEW(thing, s->items--);
    const char *line = s->items_text;
    for (size_t i = 0; i < s->items; i++) {
        line = strchr(line, '\n') + 1;
        thing *t = &s->item[i];
        *t = (thing){ .title = field(line, 1),
                      .category = field(line, 2),
                      .platform = field(line, 3),
                      .lat = strtod(field(line, 4), NULL),
                      .lon = strtod(field(line, 5), NULL),
                      .born = seconds_of(field(line, 7)),
                      .number = -1 };
        t->category_length = strcspn(t->category, ",");
        for (size_t j = 0; j < i && t->number < 0; j++)
            if (s->item[j].category_length == t->category_length &&
                memcmp(s->item[j].category, t->category, t->category_length) == 0)
                t->number = s->item[j].number;
        if (t->number < 0) t->number = (int)s->categories++;
    }
}

static void read_users(shown *s, const char *dir)
{
    s->users_text = text_of(dir, "users.csv", &s->users);
    s->user = NEW(person, s->users--);
    const char *line = s->users_text;
    for (size_t u = 0; u < s->users; u++) {
        line = strchr(line, '\n') + 1;
        s->user[u] = (person){ .lat = strtod(field(line, 1), NULL),
                               .lon = strtod(field(line, 2), NULL),
                               .both = strncmp(field(line, 5), "both,", 5) == 0 };
    }
}

static void group(shown *s)
{
    s->begin = ZNEW(size_t, s->users + 2);
    s->by_user = NEW(seen_event, s->log.n);
    size_t *next = s->begin + 1;
    for (size_t k = 0; k < s->log.n; k++) next[s->log.event[k].user + 1]++;
    for (size_t u = 0; u < s->users; u++) next[u + 1] += next[u];
    for (size_t k = 0; k < s->log.n; k++)
        s->by_user[next[s->log.event[k].user]++] = s->log.event[k];
}

static shown show(double drift, double robots)
{
    char dir[64];
    const simulate_options o = { .users = 3000,
                                 .items = 1000,
                                 .events = 150000,
                                 .days = 90,
                                 .start = "2024-01-01",
                                 .states = 16,
                                 .categories = 16,
                                 .follow = 0.3,
                                 .drift = drift,
                                 .robots = robots,
                                 .columns = "full" };
    const run r = { .seed = 11 };
    shown s = { 0 };
    simulated_folder(dir, "features");
    CHECK_OK(simulate(dir, &o, NULL, &r, NULL, err));
    s.log = simulated_read(dir);
    read_items(&s, dir);
    read_users(&s, dir);
    group(&s);
    simulated_remove(dir);
    return s;
}

static void shown_free(shown *s)
{
    mem_free(s->log.event);
    mem_free(s->users_text);
    mem_free(s->items_text);
    mem_free(s->user);
    mem_free(s->item);
    mem_free(s->begin);
    mem_free(s->by_user);
}

// --- the catalogue ---------------------------------------------------------------------------------

static int descending(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x < y) - (x > y);
}

static void test_long_tail(const shown *s)
{
    size_t *views = ZNEW(size_t, s->items), top = 0, bottom = 0, all = 0;
    for (size_t k = 0; k < s->log.n; k++)
        views[s->log.event[k].item] += s->log.event[k].stage == FUNNEL_VIEW;
    qsort(views, s->items, sizeof *views, descending);
    for (size_t i = 0; i < s->items; i++) {
        all += views[i];
        if (i < s->items / 10) top += views[i];
        if (i >= s->items / 2) bottom += views[i];
    }
    CHECK(top * 100 > all * 48, "a tenth of the items has %zu of %zu views", top, all);
    CHECK(bottom * 100 < all * 9 && bottom > 0, "half of the items has %zu of %zu views", bottom,
          all);
    mem_free(views);
}

// New items begin at nothing, are wanted most at once, and less three weeks later.
static void test_births(const shown *s)
{
    const int64_t first = s->log.event[0].time, last = s->log.event[s->log.n - 1].time;
    size_t born = 0, before = 0, week = 0, later = 0;
    for (size_t i = 0; i < s->items; i++) born += s->item[i].born > first;
    for (size_t k = 0; k < s->log.n; k++) {
        const seen_event *e = &s->log.event[k];
        const int64_t birth = s->item[e->item].born, age = (e->time - birth) / WORLD_DAY;
        before += e->time < birth;
        if (birth <= first || birth + 35 * WORLD_DAY > last) continue;
        week += age < 7;
        later += age >= 28 && age < 35;
    }
    CHECK(born * 100 > s->items * 15 && born * 100 < s->items * 35, "%zu items are born", born);
    CHECK(before == 0, "%zu events before a birth", before);
    CHECK(week > 500 && week * 10 > later * 16, "%zu events in the first week, %zu in the fifth",
          week, later);
}

// Words that come again make titles that are, nearly all, different.
static void test_titles(const shown *s)
{
    size_t words = 0, letters = 0, same = 0, shared = 0;
    for (size_t i = 0; i < s->items; i++) {
        const char *t = s->item[i].title, *word = t;
        const size_t n = strcspn(t, ",");
        for (size_t c = 0; c < n; c++) letters += isalpha((unsigned char)t[c]) || t[c] == ' ';
        letters -= n;
        for (word = t; word; word = memchr(word, ' ', n - (size_t)(word - t)), word += word != NULL)
            words++;
        const size_t head = strcspn(t, " ,");
        bool again = false;
        for (size_t j = 0; j < i; j++) {
            const char *u = s->item[j].title;
            same += strcspn(u, ",") == n && memcmp(u, t, n) == 0;
            again = again || (strcspn(u, " ,") == head && memcmp(u, t, head) == 0);
        }
        shared += again;
    }
    CHECK(letters == 0, "titles hold more than letters and blanks");
    CHECK(words >= 2 * s->items, "%zu words in %zu titles", words, s->items);
    CHECK(same * 20 < s->items, "%zu pairs of equal titles", same);
    CHECK(shared * 2 > s->items, "only %zu of %zu titles begin like another", shared, s->items);
}

// --- time ------------------------------------------------------------------------------------------

// The chi-square of counts against equal ones, per degree of freedom: about 1 by chance.
static double unevenness(const size_t *count, size_t n)
{
    double sum = 0, chi = 0;
    for (size_t i = 0; i < n; i++) sum += (double)count[i];
    for (size_t i = 0; i < n; i++)
        chi += ((double)count[i] - sum / (double)n) * ((double)count[i] - sum / (double)n);
    return chi / (sum / (double)n) / (double)(n - 1);
}

static bool starts(const shown *s, size_t u, size_t k)
{
    return k == s->begin[u] || s->by_user[k].time - s->by_user[k - 1].time > WORLD_SILENCE;
}

// Of the sessions of twelve whole weeks, since the events of one session come together.
static void test_rhythm(const shown *s)
{
    size_t hour[24] = { 0 }, weekday[7] = { 0 }, night = 0, evening = 0;
    const int64_t first = s->log.event[0].time / WORLD_DAY * WORLD_DAY;
    for (size_t u = 0; u < s->users; u++)
        for (size_t k = s->begin[u]; k < s->begin[u + 1]; k++) {
            const int64_t t = s->by_user[k].time;
            if (!starts(s, u, k) || t >= first + 84 * WORLD_DAY) continue;
            hour[t % WORLD_DAY / HOUR]++;
            weekday[t / WORLD_DAY % 7]++;
        }
    for (size_t h = 0; h < 6; h++) night += hour[h], evening += hour[h + 16];
    CHECK(evening > 2 * night, "%zu sessions begin at night, %zu in the evening", night, evening);
    CHECK(unevenness(hour, 24) > 20, "hours: chi-square %.1f a degree", unevenness(hour, 24));
    CHECK(unevenness(weekday, 7) > 5, "weekdays: chi-square %.1f a degree", unevenness(weekday, 7));
}

static void test_sessions(const shown *s)
{
    size_t sessions = 0, close = 0, within = 0;
    for (size_t u = 0; u < s->users; u++)
        for (size_t k = s->begin[u]; k < s->begin[u + 1]; k++) {
            sessions += starts(s, u, k);
            within += !starts(s, u, k);
            close += k > s->begin[u] && starts(s, u, k) &&
                     s->by_user[k].time - s->by_user[k - 1].time < 2 * HOUR;
        }
    const double mean = (double)(sessions + within) / (double)sessions;
    CHECK(mean > 4 && mean < 6, "a session has %.2f events", mean);
    CHECK(close * 10 < sessions, "%zu of %zu sessions begin soon after another", close, sessions);
}

// --- tastes ------------------------------------------------------------------------------------------

// How often the first events of two sessions of a person, `from` to `to` sessions apart, are of the
// same category; and the variance of that share, if pairs were independent.
typedef struct agreement {
    double share, variance;
} agreement;

static agreement agree(const shown *s, size_t from, size_t to)
{
    size_t pairs = 0, same = 0;
    for (size_t u = 0; u < s->users; u++) {
        int first[1000];
        size_t n = 0;
        for (size_t k = s->begin[u]; k < s->begin[u + 1] && n < COUNT_OF(first); k++)
            if (starts(s, u, k)) first[n++] = s->item[s->by_user[k].item].number;
        for (size_t a = 0; a < n; a++)
            for (size_t b = a + from; b < n && b <= a + to; b++) {
                pairs++;
                same += first[a] == first[b];
            }
    }
    const double share = pairs ? (double)same / (double)pairs : 0;
    return (agreement){ share, share * (1 - share) / (double)(pairs ? pairs : 1) };
}

static double chance_agreement(const shown *s)
{
    double count[CATEGORIES] = { 0 }, all = 0, sum = 0;
    for (size_t u = 0; u < s->users; u++)
        for (size_t k = s->begin[u]; k < s->begin[u + 1]; k++)
            if (starts(s, u, k)) count[s->item[s->by_user[k].item].number]++, all++;
    for (size_t c = 0; c < s->categories; c++) sum += count[c] / all * count[c] / all;
    return sum;
}

// A person's sessions are alike; with drift those far apart are less alike than neighbours.
static void test_drift(const shown *s, const shown *still)
{
    CHECK(s->categories == 16, "%zu categories", s->categories);
    const agreement near = agree(s, 1, 1), far = agree(s, 8, 12);
    const agreement near2 = agree(still, 1, 1), far2 = agree(still, 8, 12);
    const double z = (near.share - far.share) / sqrt(near.variance + far.variance);
    const double z2 = (near2.share - far2.share) / sqrt(near2.variance + far2.variance);
    const double chance = chance_agreement(s);
    CHECK(near.share > 1.2 * chance, "same category: %.3f of neighbours, %.3f by chance",
          near.share, chance);
    CHECK(z > 6, "same category: %.3f of neighbours, %.3f far apart", near.share, far.share);
    CHECK(z2 < 4, "without drift: %.3f of neighbours, %.3f far apart", near2.share, far2.share);
}

// --- the map, the funnel, stars ------------------------------------------------------------------------

static double distance(const person *p, const thing *t)
{
    return hypot(p->lat - t->lat, p->lon - t->lon);
}

// People go to what is near; the events of others, taken for theirs, are further away.
static void test_map(const shown *s)
{
    double near = 0, mixed = 0;
    for (size_t k = 0; k < s->log.n; k++) {
        const thing *t = &s->item[s->log.event[k].item];
        const uint32_t other = s->log.event[(k + s->log.n / 2) % s->log.n].user;
        near += distance(&s->user[s->log.event[k].user], t);
        mixed += distance(&s->user[other], t);
    }
    CHECK(near < 0.85 * mixed, "%.3f degrees in the mean, %.3f to others", near / (double)s->log.n,
          mixed / (double)s->log.n);
}

static void test_funnel(const shown *s)
{
    size_t count[FUNNEL_STAGES] = { 0 }, stars[6] = { 0 }, apart = 0;
    for (size_t u = 0; u < s->users; u++)
        for (size_t k = s->begin[u]; k < s->begin[u + 1]; k++) {
            const seen_event *e = &s->by_user[k];
            count[e->stage]++;
            apart += e->stage != FUNNEL_VIEW &&
                     (starts(s, u, k) || e[-1].item != e->item || e[-1].stage + 1 != e->stage);
            if (e->stage == FUNNEL_RATE) stars[e->rating]++;
        }
    for (int k = 1; k < FUNNEL_STAGES; k++)
        CHECK(count[k] * 50 > count[k - 1] && count[k] * 10 < count[k - 1] * 7,
              "%zu %s after %zu %s", count[k], funnel_names[k], count[k - 1], funnel_names[k - 1]);
    CHECK(apart == 0, "%zu steps down the funnel that follow nothing", apart);
    double sum = 0;
    for (int k = 1; k <= 5; k++) {
        sum += k * (double)stars[k];
        CHECK(stars[k] * 100 > count[FUNNEL_RATE], "%zu ratings of %d", stars[k], k);
    }
    CHECK(stars[0] == 0, "a rating without stars");
    const double mean = sum / (double)count[FUNNEL_RATE];
    CHECK(mean > 3.2 && mean < 4, "%.2f stars in the mean", mean);
}

// Two catalogues; about a fifth of the people know both, and they alone are seen on both.
static void test_platforms(const shown *s)
{
    size_t seen_both = 0, told_both = 0, wrong = 0, second = 0, moves = 0;
    const char first = s->item[0].platform[0];
    for (size_t u = 0; u < s->users; u++) {
        bool on[2] = { false, false };
        for (size_t k = s->begin[u]; k < s->begin[u + 1]; k++) {
            const bool other = s->item[s->by_user[k].item].platform[0] != first;
            on[other] = true;
            second += other;
            moves +=
                !starts(s, u, k) && other != (s->item[s->by_user[k - 1].item].platform[0] != first);
        }
        seen_both += on[0] && on[1];
        told_both += s->user[u].both;
        wrong += on[0] && on[1] && !s->user[u].both;
    }
    CHECK(told_both * 100 > s->users * 15 && told_both * 100 < s->users * 25, "%zu of %zu on both",
          told_both, s->users);
    CHECK(seen_both * 10 > told_both * 6 && wrong == 0, "%zu were seen on both, %zu wrongly",
          seen_both, wrong);
    CHECK(second * 5 > s->log.n && second * 5 < s->log.n * 4, "%zu of %zu events on the second",
          second, s->log.n);
    CHECK(moves == 0, "%zu sessions change the platform", moves);
}

// Robots are far above what people do in an hour.
static size_t busiest_hour(const shown *s)
{
    size_t most = 0;
    for (size_t u = 0; u < s->users; u++)
        for (size_t k = s->begin[u], from = k; k < s->begin[u + 1]; k++) {
            while (s->by_user[k].time - s->by_user[from].time > HOUR) from++;
            if (k - from + 1 > most) most = k - from + 1;
        }
    return most;
}

static void test_robots(const shown *people, const shown *robots)
{
    const size_t usual = busiest_hour(people), most = busiest_hour(robots);
    CHECK(usual < 100, "a person has %zu events in an hour", usual);
    CHECK(most > 300, "the busiest robot has %zu events in an hour", most);
}

int main(void)
{
    shown s = show(0.15, 0), still = show(0, 0), robots = show(0.15, 0.02);
    test_long_tail(&s);
    test_births(&s);
    test_titles(&s);
    test_rhythm(&s);
    test_sessions(&s);
    test_drift(&s, &still);
    test_map(&s);
    test_funnel(&s);
    test_platforms(&s);
    test_robots(&s, &robots);
    shown_free(&s);
    shown_free(&still);
    shown_free(&robots);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
