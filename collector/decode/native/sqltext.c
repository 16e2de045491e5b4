#include "sqltext.h"

#include "hash.h"

#define MAX_INPUT (16 * 1024)
#define MAX_LENGTH 4096

/* ---------------------------------------------------------------- characters, ASCII only */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
static bool is_space(char c) { return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31); }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool is_ascii(struct slice text) {
    uint8_t found = 0;
    for (size_t i = 0; i < text.length; i++) found |= text.data[i];
    return found < 0x80;
}

/* Whether the text is one of the words, which are in lower case and end with NULL. */
static bool is_one_of(const char *text, size_t length, const char *const *words) {
    for (; *words; words++) {
        size_t i = 0;
        while (i < length && (*words)[i] && lower(text[i]) == (*words)[i]) i++;
        if (i == length && !(*words)[i]) return true;
    }
    return false;
}

static bool token_is(const struct sql_token *t, const char *text) {
    return t->length == strlen(text) && !memcmp(t->text, text, t->length);
}

/* ---------------------------------------------------------------- tokens */

enum token_kind { SPACE, NAME, QUOTED, LITERAL };

struct scanner {
    const char *at, *end;
};

static char peek(const struct scanner *s, size_t ahead) {
    return (size_t)(s->end - s->at) > ahead ? s->at[ahead] : 0;
}

static void skip_while(struct scanner *s, bool (*is)(char)) {
    while (s->at < s->end && is(*s->at)) s->at++;
}

/* Past the quote that closes what opened here; two in a row and one behind a backslash do not. */
static void skip_quoted(struct scanner *s) {
    char quote = *s->at++;
    while (s->at < s->end) {
        char c = *s->at++;
        if (c == '\\' && s->at < s->end) s->at++;
        else if (c == quote && peek(s, 0) == quote && s->at < s->end) s->at++;
        else if (c == quote) return;
    }
}

static void skip_to(struct scanner *s, const char *closing, size_t length) {
    while ((size_t)(s->end - s->at) >= length) {
        if (!memcmp(s->at, closing, length)) {
            s->at += length;
            return;
        }
        s->at++;
    }
    s->at = s->end;
}

static bool skip_space(struct scanner *s) {
    if (is_space(peek(s, 0)) && s->at < s->end) {
        skip_while(s, is_space);
    } else if (peek(s, 0) == '-' && peek(s, 1) == '-') {
        while (s->at < s->end && *s->at != '\n') s->at++;
    } else if (peek(s, 0) == '/' && peek(s, 1) == '*') {
        s->at += 2;
        skip_to(s, "*/", 2);
    } else {
        return false;
    }
    return true;
}

/* '...', also N'...', E'...', X'...', B'...', U&'...' */
static bool skip_string(struct scanner *s) {
    static const char *const prefixes[] = {"n", "e", "x", "b", NULL};
    size_t prefix = 0;
    if (peek(s, 0) != '\'') {
        if (peek(s, 1) == '\'' && is_one_of(s->at, 1, prefixes)) prefix = 1;
        else if (lower(peek(s, 0)) == 'u' && peek(s, 1) == '&' && peek(s, 2) == '\'') prefix = 2;
        else return false;
    }
    s->at += prefix;
    skip_quoted(s);
    return true;
}

/* $tag$ ... $tag$: to the same tag again, or to the end. */
static bool skip_dollar(struct scanner *s) {
    const char *tag = s->at, *at = tag + 1;
    if (peek(s, 0) != '$') return false;
    if (at < s->end && (is_letter(*at) || *at == '_'))
        while (at < s->end && is_word(*at)) at++;
    if (at == s->end || *at != '$') return false;
    s->at = at + 1;
    skip_to(s, tag, (size_t)(s->at - tag));
    return true;
}

static bool skip_name(struct scanner *s) {
    char c = peek(s, 0), next = peek(s, 1);
    if (c == '`') {
        s->at++;
        skip_to(s, "`", 1);
    } else if (is_letter(c) || c == '_') {
        while (s->at < s->end && (is_word(*s->at) || *s->at == '$')) s->at++;
    } else if (c == ':' && next == ':') {
        s->at += 2;
        skip_while(s, is_word);
    } else if (c == ':' || c == '@') {
        size_t marks = next == ':' || next == '@' ? 2 : 1;
        if (!is_word(peek(s, marks))) return false;
        s->at += marks;
        skip_while(s, is_word);
    } else {
        return false;
    }
    return true;
}

static bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }

static bool skip_number(struct scanner *s) {
    if (peek(s, 0) == '0' && lower(peek(s, 1)) == 'x' && is_hex(peek(s, 2))) {
        s->at += 2;
        skip_while(s, is_hex);
        return true;
    }
    if (is_digit(peek(s, 0))) {
        skip_while(s, is_digit);
        if (peek(s, 0) == '.') s->at++, skip_while(s, is_digit);
    } else if (peek(s, 0) == '.' && is_digit(peek(s, 1))) {
        s->at++;
        skip_while(s, is_digit);
    } else {
        return false;
    }
    size_t sign = peek(s, 1) == '+' || peek(s, 1) == '-';
    if (lower(peek(s, 0)) == 'e' && is_digit(peek(s, 1 + sign))) {
        s->at += 1 + sign;
        skip_while(s, is_digit);
    }
    return true;
}

/* $1, %s, %(name)s and ? */
static bool skip_parameter(struct scanner *s) {
    struct scanner ahead = *s;
    char c = peek(s, 0);
    if (c == '?') {
        s->at++;
        return true;
    }
    if (c == '$' && is_digit(peek(s, 1))) {
        s->at++;
        skip_while(s, is_digit);
        return true;
    }
    if (c == '%' && peek(s, 1) == 's') {
        s->at += 2;
        return true;
    }
    if (c != '%' || peek(s, 1) != '(' || !is_word(peek(s, 2))) return false;
    ahead.at += 2;
    skip_while(&ahead, is_word);
    if (peek(&ahead, 0) != ')' || peek(&ahead, 1) != 's') return false;
    s->at = ahead.at + 2;
    return true;
}

static void skip_mark(struct scanner *s) {
    static const char *const marks[] = {"<=", ">=", "<>", "!=", "||", "->>", "->", NULL};
    for (const char *const *mark = marks; *mark; mark++) {
        size_t length = strlen(*mark);
        if ((size_t)(s->end - s->at) >= length && !memcmp(s->at, *mark, length)) {
            s->at += length;
            return;
        }
    }
    s->at++;
}

static enum token_kind scan(struct scanner *s) {
    if (skip_space(s)) return SPACE;
    if (skip_string(s)) return LITERAL;
    if (peek(s, 0) == '"') {
        skip_quoted(s);
        return QUOTED;
    }
    if (skip_dollar(s)) return LITERAL;
    if (skip_name(s)) return NAME;
    if (skip_number(s) || skip_parameter(s)) return LITERAL;
    skip_mark(s);
    return NAME;
}

static size_t count(const struct buffer *tokens) { return tokens->length / sizeof(struct sql_token); }

static const struct sql_token *tokens_of(const struct buffer *tokens) {
    return (const struct sql_token *)tokens->data;
}

static void add_token(struct buffer *tokens, const char *text, size_t length) {
    buffer_add(tokens, &(struct sql_token){text, length}, sizeof(struct sql_token));
}

static void add_literal(struct buffer *found) {
    /* After these a sign belongs to the number that follows. */
    static const char *const before_sign[] = {"=",   "<",  ">",  "<=", ">=",     "<>",  "!=",    "(",      ",",  "+", "-",
                                              "*",   "/",  "||", "%",  "between", "and", "or",    "in",     "values", "set",
                                              "limit", "offset", NULL};
    size_t n = count(found);
    if (n >= 2) {
        const struct sql_token *sign = tokens_of(found) + n - 1, *before = sign - 1;
        bool signs = token_is(sign, "-") || token_is(sign, "+");
        if (signs && is_one_of(before->text, before->length, before_sign)) found->length -= sizeof *sign;
    }
    add_token(found, "?", 1);
}

static void find_tokens(struct slice text, bool double_quoted_strings, struct buffer *found) {
    struct scanner s = {(const char *)text.data, (const char *)text.data + text.length};
    while (s.at < s.end) {
        const char *start = s.at;
        enum token_kind kind = scan(&s);
        if (kind == SPACE) continue;
        if (kind == NAME || (kind == QUOTED && !double_quoted_strings))
            add_token(found, start, (size_t)(s.at - start));
        else
            add_literal(found);
    }
}

/* ---------------------------------------------------------------- lists */

struct tokens {
    const struct sql_token *of;
    size_t count;
};

static bool at_is(const struct tokens *t, size_t at, const char *text) {
    return at < t->count && token_is(&t->of[at], text);
}

/* End of a parenthesised list of nothing but literals (or cut off in one), 0 if it is none. */
static size_t literal_list(const struct tokens *t, size_t at) {
    if (!at_is(t, at, "(") || !at_is(t, at + 1, "?")) return 0;
    at += 2;
    while (at_is(t, at, ",") && at_is(t, at + 1, "?")) at += 2;
    if (at >= t->count || (at + 1 == t->count && at_is(t, at, ","))) return t->count;
    return at_is(t, at, ")") ? at + 1 : 0;
}

/* End of the parenthesised group that starts here, 0 if none starts or it never ends. */
static size_t row(const struct tokens *t, size_t at) {
    size_t depth = 0;
    if (!at_is(t, at, "(")) return 0;
    for (size_t i = at; i < t->count; i++) {
        if (token_is(&t->of[i], "(")) depth++;
        else if (token_is(&t->of[i], ")") && !--depth) return i + 1;
    }
    return 0;
}

static size_t skip_equal_rows(const struct tokens *t, size_t at) {
    while (at_is(t, at, ",")) {
        size_t end = row(t, at + 1);
        /* a text cut inside a row: nothing follows that could differ */
        if (!end) return at + 1 == t->count || at_is(t, at + 1, "(") ? t->count : at;
        at = end;
    }
    return at;
}

static void fold_lists(const struct tokens *t, struct buffer *folded) {
    static const char *const in[] = {"in", NULL}, *const values[] = {"values", "value", NULL};
    for (size_t at = 0; at < t->count;) {
        const struct sql_token *word = &t->of[at++];
        size_t end;
        buffer_add(folded, word, sizeof *word);
        if (is_one_of(word->text, word->length, in) && (end = literal_list(t, at))) {
            add_token(folded, "(", 1), add_token(folded, "?", 1), add_token(folded, ")", 1);
            at = end;
        } else if (is_one_of(word->text, word->length, values) && (end = row(t, at))) {
            buffer_add(folded, &t->of[at], (end - at) * sizeof *word);
            at = skip_equal_rows(t, end);
        }
    }
}

/* ---------------------------------------------------------------- spaces */

/* Whether an opening parenthesis after this token belongs to it, as in count(*). */
static bool calls(const struct sql_token *before) {
    static const char *const keywords[] = {"in",    "values", "value", "and",  "or",  "not",    "on",
                                           "from",  "join",   "where", "using", "as", "select", "over",
                                           "exists", "any",   "all",   "union", "into", "set",  NULL};
    char first = before->length ? before->text[0] : 0;
    return (is_letter(first) || first == '_') && !is_one_of(before->text, before->length, keywords);
}

static bool tight(const struct sql_token *before, const struct sql_token *token) {
    static const char *const no_space_before[] = {",", ")", ";", ".", NULL};
    static const char *const no_space_after[] = {"(", ".", NULL};
    return !before || is_one_of(token->text, token->length, no_space_before) ||
           is_one_of(before->text, before->length, no_space_after) ||
           (token->length >= 2 && token->text[0] == ':' && token->text[1] == ':') ||
           (token_is(token, "(") && calls(before));
}

static void normalise(struct sql_writer *w, struct slice text, struct slice system, struct buffer *out) {
    static const char *const double_quoted[] = {"mysql", "mariadb", "bigquery", "clickhouse", "spark", NULL};
    size_t start = out->length;
    if (text.length > MAX_INPUT) text.length = MAX_INPUT;
    w->found.length = w->folded.length = 0;
    find_tokens(text, is_one_of((const char *)system.data, system.length, double_quoted), &w->found);
    struct tokens found = {tokens_of(&w->found), count(&w->found)};
    fold_lists(&found, &w->folded);
    const struct sql_token *token = tokens_of(&w->folded), *before = NULL;
    for (size_t i = 0; i < count(&w->folded); i++, before = token++) {
        if (!tight(before, token)) buffer_byte(out, ' ');
        buffer_add(out, token->text, token->length);
    }
    if (out->length - start <= MAX_LENGTH) return;
    out->length = start + MAX_LENGTH - 1;
    buffer_literal(out, "\xe2\x80\xa6");
}

/* ---------------------------------------------------------------- what was normalised lately */

#define LONGEST_KNOWN 512
#define MOST_TEXTS (64 * 1024)

static bool same(const struct sql_known *k, const uint8_t *texts, struct slice text, struct slice system) {
    return k->text_length == text.length && k->system_length == system.length &&
           !memcmp(texts + k->at, text.data, text.length) &&
           (!system.length || !memcmp(texts + k->at + text.length, system.data, system.length));
}

static void remember(struct sql_writer *w, struct sql_known *k, uint64_t hash, struct slice text,
                     struct slice system, struct slice shape) {
    if (w->texts.length > MOST_TEXTS) {
        memset(w->known, 0, sizeof w->known);
        w->texts.length = 0;
    }
    *k = (struct sql_known){hash, w->texts.length, text.length, system.length, shape.length};
    buffer_add(&w->texts, text.data, text.length);
    buffer_add(&w->texts, system.data, system.length);
    buffer_add(&w->texts, shape.data, shape.length);
}

void sql_normalise(struct sql_writer *w, struct slice text, struct slice system, struct buffer *out) {
    uint64_t hash = hash_of(text);
    struct sql_known *k = &w->known[hash % SQL_KNOWN];
    if (k->hash == hash && same(k, w->texts.data, text, system)) {
        buffer_add(out, w->texts.data + k->at + k->text_length + k->system_length, k->shape_length);
        return;
    }
    size_t start = out->length;
    normalise(w, text, system, out);
    if (text.length <= LONGEST_KNOWN && system.length <= LONGEST_KNOWN)
        remember(w, k, hash, text, system, (struct slice){out->data + start, out->length - start});
}
