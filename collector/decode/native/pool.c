#include "pool.h"

#include <pthread.h>

/* The smallest table has some hundred bytes a column, the largest a few GB. */
#define CLASSES 34
/* Of a size: a pool of many small ones would cost more to look after than it spares. */
#define MOST_OF_A_CLASS 4096

struct kept {
    struct kept *next;
    const struct column_spec *specs;
    struct column *columns;
    int width;
    size_t bytes;
};

static struct {
    pthread_mutex_t lock;
    struct kept *of_class[CLASSES];
    int count[CLASSES];
    size_t bytes;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Sizes of one class differ by less than a factor of two. */
static int class_of(size_t bytes) {
    int class = 0;
    while (bytes > 1 && class < CLASSES - 1) {
        bytes >>= 1;
        class++;
    }
    return class;
}

static size_t bytes_of(const struct column *columns, int width) {
    size_t bytes = 0;
    for (int i = 0; i < width; i++) bytes += columns[i].values.capacity + columns[i].offsets.capacity;
    return bytes;
}

/* With the lock held. */
static struct kept *unlink_from(int class, const struct column_spec *specs) {
    struct kept *found = class >= 0 && class < CLASSES ? pool.of_class[class] : NULL;
    if (!found || found->specs != specs) return NULL;
    pool.of_class[class] = found->next;
    pool.count[class]--;
    pool.bytes -= found->bytes;
    return found;
}

struct column *pool_take(const struct column_spec *specs, size_t bytes) {
    int class = class_of(bytes);
    pthread_mutex_lock(&pool.lock);
    struct kept *found = unlink_from(class, specs);
    if (!found) found = unlink_from(class + 1, specs);
    if (!found) found = unlink_from(class - 1, specs);
    pthread_mutex_unlock(&pool.lock);
    struct column *columns = found ? found->columns : NULL;
    free(found);
    return columns;
}

static bool keep(struct kept *offered, int class) {
    pthread_mutex_lock(&pool.lock);
    bool wanted = pool.bytes + offered->bytes <= POOL_BYTES && pool.count[class] < MOST_OF_A_CLASS;
    if (wanted) {
        offered->next = pool.of_class[class];
        pool.of_class[class] = offered;
        pool.count[class]++;
        pool.bytes += offered->bytes;
    }
    pthread_mutex_unlock(&pool.lock);
    return wanted;
}

bool pool_give(const struct column_spec *specs, int width, struct column *columns) {
    struct kept *offered = malloc(sizeof *offered);
    if (!offered) return false;
    *offered = (struct kept){NULL, specs, columns, width, bytes_of(columns, width)};
    for (int i = 0; i < width; i++) columns[i].values.length = columns[i].offsets.length = 0;
    if (keep(offered, class_of(offered->bytes))) return true;
    free(offered);
    return false;
}

static struct kept *take_all(size_t *bytes) {
    struct kept *all = NULL;
    pthread_mutex_lock(&pool.lock);
    *bytes = pool.bytes;
    for (int class = 0; class < CLASSES; class++) {
        struct kept *found;
        while ((found = pool.of_class[class])) {
            pool.of_class[class] = found->next;
            found->next = all;
            all = found;
        }
        pool.count[class] = 0;
    }
    pool.bytes = 0;
    pthread_mutex_unlock(&pool.lock);
    return all;
}

size_t pool_empty(void) {
    size_t bytes;
    struct kept *found = take_all(&bytes);
    while (found) {
        struct kept *next = found->next;
        columns_free(found->columns, found->width);
        free(found);
        found = next;
    }
    return bytes;
}
