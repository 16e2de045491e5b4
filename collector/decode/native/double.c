/* The shortest decimal digits of a double, printed as Python's repr prints them. The C library prints and reads
 * exactly; only the number of digits is searched for. No decimal point is ever read back or copied, so the
 * locale's does not matter. */
#include <math.h>
#include <stdio.h>

#include "text.h"

#define MOST_DIGITS 17

struct decimal {
    char digits[MOST_DIGITS + 1]; /* without trailing zeros */
    int count;
    int point; /* the value is 0.DIGITS times ten to this power */
};

static double value_of(const struct decimal *d) {
    char text[MOST_DIGITS + 16];
    snprintf(text, sizeof text, "%se%d", d->digits, d->point - d->count);
    return strtod(text, NULL);
}

/* `number` (> 0) correctly rounded to `count` digits. */
static void rounded(double number, int count, struct decimal *d) {
    char text[MOST_DIGITS + 16];
    snprintf(text, sizeof text, "%.*e", count - 1, number);
    d->count = 0;
    const char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && d->count < MOST_DIGITS) d->digits[d->count++] = *at;
    d->point = *at ? (int)strtol(at + 1, NULL, 10) + 1 : 1;
    while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--;
    d->digits[d->count] = 0;
}

/* The next larger number of as many digits; false where the digits would carry over. */
static bool increment(struct decimal *d) {
    if (d->digits[d->count - 1] == '9') return false;
    d->digits[d->count - 1]++;
    return true;
}

/* Below a power of two doubles lie twice as close, so what rounds back may be the number above the nearest. */
static bool nearest_above(double number, int count, struct decimal *d) {
    int exponent;
    if (frexp(number, &exponent) != 0.5) return false;
    rounded(number, count, d);
    while (d->count < count) d->digits[d->count++] = '0';
    d->digits[d->count] = 0;
    return increment(d) && value_of(d) == number;
}

static void shortest(double number, struct decimal *d) {
    /* Up to 15 digits always survive, so a normal number is as short as its 15 digits say, or longer. */
    int count = number < 2.2250738585072014e-308 ? 1 : 15;
    for (; count < MOST_DIGITS; count++) {
        rounded(number, count, d);
        if (value_of(d) == number || nearest_above(number, count, d)) return;
    }
    rounded(number, MOST_DIGITS, d);
}

/* Most doubles people record have few digits. With less than 2**53 over a power of ten that a double holds, the
 * division is exact to the last bit, so the first that gives the number back has its shortest digits. */
static bool few_digits(double number, struct decimal *d) {
    static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    for (int places = 0; places < 10; places++) {
        double scaled = number * tens[places];
        if (!(scaled >= 1 && scaled < 1e15)) continue;
        uint64_t whole = (uint64_t)(scaled + 0.5);
        if ((double)whole / tens[places] != number) continue;
        d->count = snprintf(d->digits, sizeof d->digits, "%llu", (unsigned long long)whole);
        d->point = d->count - places;
        while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--;
        d->digits[d->count] = 0;
        return true;
    }
    return false;
}

static void add_zeros(struct buffer *out, int count) {
    while (count-- > 0) buffer_byte(out, '0');
}

static void add_exponent(struct buffer *out, const struct decimal *d) {
    buffer_byte(out, (uint8_t)d->digits[0]);
    if (d->count > 1) {
        buffer_byte(out, '.');
        buffer_add(out, d->digits + 1, (size_t)d->count - 1);
    }
    char text[16];
    buffer_add(out, text, (size_t)snprintf(text, sizeof text, "e%+03d", d->point - 1));
}

static void add_fixed(struct buffer *out, const struct decimal *d) {
    int whole = d->point < 0 ? 0 : d->point < d->count ? d->point : d->count;
    if (!whole) buffer_byte(out, '0');
    buffer_add(out, d->digits, (size_t)whole);
    add_zeros(out, whole ? d->point - whole : 0);
    buffer_byte(out, '.');
    add_zeros(out, whole ? 0 : -d->point);
    buffer_add(out, d->digits + whole, (size_t)(d->count - whole));
    if (whole == d->count) buffer_byte(out, '0');
}

void text_add_double(struct buffer *out, double number) {
    struct decimal d = {"0", 1, 1};
    if (isnan(number)) {
        buffer_literal(out, "nan");
        return;
    }
    if (signbit(number)) buffer_byte(out, '-');
    number = fabs(number);
    if (isinf(number)) {
        buffer_literal(out, "inf");
        return;
    }
    if (number != 0 && !few_digits(number, &d)) shortest(number, &d);
    if (d.point <= -4 || d.point > 16) add_exponent(out, &d);
    else add_fixed(out, &d);
}
