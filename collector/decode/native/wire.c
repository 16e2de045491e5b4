#include "wire.h"

/* Inside a group upb takes even the field number 0. */
bool wire_skip_group(struct reader *r, uint32_t number) {
    uint32_t open[MAX_GROUPS_DEEP];
    int deep = 0;
    if (r->depth < 1) return false;
    open[deep++] = number;
    while (deep) {
        struct field f;
        if (r->at == r->end || !wire_tag(r, &f)) return false;
        if (f.type == GROUP) {
            if (deep >= r->depth) return false;
            open[deep++] = f.number;
        } else if (f.type == GROUP_END) {
            if (open[--deep] != f.number) return false;
        } else if (!wire_content(r, &f)) {
            return false;
        }
    }
    return true;
}
