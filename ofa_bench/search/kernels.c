/* The inner loops of the search, as kernels.py describes them; each does what a NumPy expression of the package does,
   in the same order of random draws and of additions, so that both find the same, bit for bit. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* numpy/random/bitgen.h */
typedef struct {
    void *state;
    uint64_t (*next_uint64)(void *);
    uint32_t (*next_uint32)(void *);
    double (*next_double)(void *);
    uint64_t (*next_raw)(void *);
} bitgen;

/* A design space and a cost table; n_* count, the others are arrays. */
typedef struct {
    int64_t n_genes, n_groups, n_words, n_terms;
    const float *cardinality;   /* [n_genes] */
    const int64_t *group;       /* [n_genes] genes of one group mutate together */
    const int64_t *owner;       /* [n_genes] */
    const int8_t *active_from;  /* [n_genes] a gene is active where its owner's position is at least this */
    const int8_t *distinct;     /* [n_genes, 256] the position that stands for a choice; -1 where there is none */
    const int64_t *first;       /* [n_words + 1] the genes in a word of a packed key: first[w] to first[w + 1] - 1 */
    const uint64_t *shift;      /* [n_genes] where a gene lies in its word */
    const int64_t *offset;      /* [n_terms] where a term's values begin among the entries */
    const int64_t *begin;       /* [n_terms + 1] the genes of a term: gene[begin[t]] to gene[begin[t + 1] - 1] */
    const int64_t *gene;
    const int64_t *stride;
    const double *entries;
} tables;

/* As numpy.random.Generator.random(dtype=float32). */
static inline float uniform(const bitgen *rng) {
    return (float)(int32_t)(rng->next_uint32(rng->state) >> 8) * (1.0f / 16777216.0f);
}

/* The position that stands for a gene's choice; negative where it has no such choice. */
static inline int8_t distinct(const tables *t, int64_t gene, int8_t choice) {
    return t->distinct[gene * 256 + (uint8_t)choice];
}

static inline int64_t place_of(const tables *t, const int8_t *row, int64_t term) {
    int64_t place = t->offset[term];
    for (int64_t j = t->begin[term]; j < t->begin[term + 1]; j++) place += row[t->gene[j]] * t->stride[j];
    return place;
}

static inline double entry(const tables *t, const int8_t *row, int64_t term) {
    return t->entries[place_of(t, row, term)];
}

/* A sum of up to 128 numbers as NumPy has it. */
static double sum(const double *values, int64_t n) {
    double sum[8] = {0}, total = 0.0;
    int64_t i = 0, whole = n - n % 8;
    for (; i < whole; i += 8)
        for (int64_t j = 0; j < 8; j++) sum[j] += values[i + j];
    if (whole) total = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
    for (; i < n; i++) total += values[i];
    return total;
}

/* The cost of one architecture, summed as NumPy sums a row of up to 128 numbers; a part of it if that exceeds limit (no
   entry is negative, so the whole does too). */
static double cost_of(const tables *t, const int8_t *row, double limit) {
    double sum[8] = {0}, total = 0.0;
    int64_t term = 0, whole = t->n_terms - t->n_terms % 8;
    for (; term < whole && !(total > limit); term += 8) {
        for (int64_t j = 0; j < 8; j++) sum[j] += entry(t, row, term + j);
        total = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
    }
    if (total > limit) return total;
    for (; term < t->n_terms; term++) total += entry(t, row, term);
    return total;
}

void costs(const tables *t, const int8_t *rows, int64_t n, double *cost) {
    for (int64_t k = 0; k < n; k++) cost[k] = cost_of(t, rows + k * t->n_genes, INFINITY);
}

/* Keep the slots of the candidates that miss the target for the next round; copy the others into the children. */
static int64_t settle(const tables *t, const int8_t *candidates, double target, int8_t *children, int64_t *slots,
                      int64_t n) {
    int64_t missing = 0, width = t->n_genes;
    for (int64_t s = 0; s < n; s++) {
        const int8_t *row = candidates + s * width;
        if (cost_of(t, row, target) <= target)
            memcpy(children + slots[s] * width, row, width);
        else
            slots[missing++] = slots[s];
    }
    return missing;
}

/* As numpy.random.Generator.integers(below): Lemire's method, 32 bits at a time. */
static inline int64_t integer(const bitgen *rng, uint32_t below) {
    if (below == 1) return 0;
    uint64_t product = (uint64_t)rng->next_uint32(rng->state) * below;
    if ((uint32_t)product < below)
        while ((uint32_t)product < (UINT32_MAX - (below - 1)) % below)
            product = (uint64_t)rng->next_uint32(rng->state) * below;
    return (int64_t)(product >> 32);
}

/* Fill children (int8 [n_mutants + n_crossed, n_genes]) from parents (int8 [n_parents, n_genes]): mutants first, then
   crossings. Those that miss the target are redrawn from the same parents, and are the first of them after max_redraws.
   Returns the number of candidates, -1 without memory, or -2 where a parent has a choice that its gene has not. */
int64_t offspring(const tables *t, const bitgen *given_rng, const int8_t *parents, int64_t n_parents, float prob,
                  double target, int64_t max_redraws, int8_t *children, int64_t n_mutants, int64_t n_crossed) {
    const bitgen copy = *given_rng, *rng = &copy; /* a local one: its functions need not be read again and again */
    int64_t width = t->n_genes, proposals = 0, n = n_mutants > n_crossed ? n_mutants : n_crossed;
    int8_t absent = 0;
    for (int64_t s = 0; s < n_parents; s++)
        for (int64_t i = 0; i < width; i++) absent |= distinct(t, i, parents[s * width + i]);
    if (absent < 0) return -2;
    int64_t *slots = malloc(2 * n * sizeof *slots + 1), *others = slots + n;
    int8_t *hit = malloc(n * t->n_groups + 1), *candidates = malloc(n * width + 1);
    if (!slots || !hit || !candidates) {
        free(slots), free(hit), free(candidates);
        return -1;
    }
    for (int64_t s = 0; s < n_mutants; s++) {
        memcpy(children + s * width, parents + integer(rng, n_parents) * width, width);
        slots[s] = s;
    }
    for (int64_t round = 0, missing = n_mutants; round < max_redraws && missing; round++) {
        for (int64_t i = 0; i < missing * t->n_groups; i++) hit[i] = -(uniform(rng) < prob);
        for (int64_t s = 0; s < missing; s++) {
            const int8_t *parent = children + slots[s] * width, *hits = hit + s * t->n_groups;
            for (int64_t i = 0; i < width; i++) {
                /* without a branch, which would often be mispredicted */
                int8_t drawn = (int8_t)(uniform(rng) * t->cardinality[i]), redrawn = hits[t->group[i]];
                candidates[s * width + i] = (drawn & redrawn) | (parent[i] & ~redrawn);
            }
        }
        proposals += missing;
        missing = settle(t, candidates, target, children, slots, missing);
    }
    children += n_mutants * width;
    for (int64_t s = 0; s < n_crossed; s++) {
        memcpy(children + s * width, parents + integer(rng, n_parents) * width, width);
        slots[s] = s;
    }
    for (int64_t s = 0; s < n_crossed; s++) others[s] = integer(rng, n_parents);
    for (int64_t round = 0, missing = n_crossed; round < max_redraws && missing; round++) {
        for (int64_t s = 0; s < missing; s++) {
            const int8_t *first = children + slots[s] * width, *second = parents + others[slots[s]] * width;
            for (int64_t i = 0; i < width; i++) {
                int8_t from_first = -(uniform(rng) < 0.5f);
                candidates[s * width + i] = (first[i] & from_first) | (second[i] & ~from_first);
            }
        }
        proposals += missing;
        missing = settle(t, candidates, target, children, slots, missing);
    }
    free(slots), free(hit), free(candidates);
    return proposals;
}

/* Draw random architectures, uniform over each gene, a batch after another, until there are wanted ones that meet the
   target; at most max_draws. Put these into rows (int8 [wanted, n_genes]), and the number of draws into drawn: in all,
   and until the last of the rows. Returns how many there are. */
int64_t sample(const tables *t, const bitgen *given_rng, double target, int64_t batch, int64_t max_draws, int8_t *rows,
               int64_t wanted, int64_t *drawn) {
    const bitgen copy = *given_rng, *rng = &copy;
    int64_t found = 0;
    for (drawn[0] = drawn[1] = 0; found < wanted && drawn[0] < max_draws; drawn[0] += batch)
        for (int64_t draw = 0; draw < batch; draw++) {
            int8_t *row = rows + found * t->n_genes; /* the next one takes its place if it misses the target */
            if (found == wanted) {
                for (int64_t i = 0; i < t->n_genes; i++) rng->next_uint32(rng->state);
                continue;
            }
            for (int64_t i = 0; i < t->n_genes; i++) row[i] = (int8_t)(uniform(rng) * t->cardinality[i]);
            if (cost_of(t, row, target) <= target) found++, drawn[1] = drawn[0] + draw + 1;
        }
    return found;
}

static inline int64_t slot_of(const uint64_t *key, int64_t n_words, int64_t mask) {
    uint64_t hash = 0;
    for (int64_t w = 0; w < n_words; w++) {
        hash = (hash ^ key[w]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return (int64_t)(hash & (uint64_t)mask);
}

/* Find each row's place among the keys (uint64 [size + n or more, n_words]) by open addressing in slots (int32
   [mask + 1], -1 is empty); keys not there are appended and their rows listed in fresh. Returns how many those are, or
   -1 where a row has a choice that its gene has not; nothing is changed then. */
int64_t find(const tables *t, const int8_t *rows, int64_t n, uint64_t *keys, int64_t size, int32_t *slots, int64_t mask,
             int64_t *places, int64_t *fresh) {
    int64_t n_words = t->n_words, added = 0;
    int8_t absent = 0;
    size_t bytes = n_words * sizeof *keys;
    for (int64_t r = 0; r < n; r++) {
        const int8_t *row = rows + r * t->n_genes;
        uint64_t *key = keys + (size + r) * n_words;
        for (int64_t w = 0; w < n_words; w++) {
            uint64_t bits = 0;
            for (int64_t i = t->first[w]; i < t->first[w + 1]; i++) {
                uint64_t active = row[t->owner[i]] >= t->active_from[i];
                int8_t choice = distinct(t, i, row[i]);
                absent |= choice;
                bits |= ((uint64_t)choice * active) << t->shift[i];
            }
            key[w] = bits;
        }
        places[r] = slot_of(key, n_words, mask);
    }
    if (absent < 0) return -1;
    for (int64_t r = 0; r < n; r++) { /* apart from the above, so that waits for memory overlap */
        const uint64_t *key = keys + (size + r) * n_words;
        int64_t slot = places[r];
        while (slots[slot] >= 0 && memcmp(keys + slots[slot] * n_words, key, bytes)) slot = (slot + 1) & mask;
        if (slots[slot] < 0) {
            slots[slot] = (int32_t)(size + added);
            memmove(keys + (size + added) * n_words, key, bytes);
            fresh[added++] = r;
        }
        places[r] = slots[slot];
    }
    return added;
}

/* Empty the slots of the n keys after the first size keys, which were inserted last: the last of them first, so that no
   key comes to lie behind an empty slot. */
void forget(int64_t n_words, const uint64_t *keys, int64_t size, int64_t n, int32_t *slots, int64_t mask) {
    for (int64_t place = size + n - 1; place >= size; place--) {
        int64_t slot = slot_of(keys + place * n_words, n_words, mask);
        while (slots[slot] != (int32_t)place) slot = (slot + 1) & mask;
        slots[slot] = -1;
    }
}

/* Fill empty slots with the places of all keys. */
void rehash(int64_t n_words, const uint64_t *keys, int64_t size, int32_t *slots, int64_t mask) {
    for (int64_t place = 0; place < size; place++) {
        int64_t slot = slot_of(keys + place * n_words, n_words, mask);
        while (slots[slot] >= 0) slot = (slot + 1) & mask;
        slots[slot] = (int32_t)place;
    }
}

/* The costs of all single changes of rows (int8 [n, n_genes]): [n, n_changes]. Returns -1 without memory. Changes are
   in the order of the genes, and a term's values in each changed row are looked up only where the term has the gene. */
int64_t single_costs(const tables *t, const int64_t *gene, const int8_t *choice, int64_t n_changes, const int8_t *rows,
                     int64_t n, double *cost) {
    const int64_t terms = t->n_terms;
    double *values = malloc(8 * n_changes * terms + 1); /* [n_changes, n_terms] */
    int64_t *first = malloc(8 * t->n_genes + 1);        /* each gene's first change */
    if (!values || !first) {
        free(values), free(first);
        return -1;
    }
    for (int64_t j = 0; j < n_changes; j++) first[gene[j]] = j - choice[j];
    for (int64_t k = 0; k < n; k++, rows += t->n_genes, cost += n_changes) {
        for (int64_t term = 0; term < terms; term++) {
            int64_t place = place_of(t, rows, term);
            for (int64_t j = 0; j < n_changes; j++) values[j * terms + term] = t->entries[place];
            for (int64_t i = t->begin[term]; i < t->begin[term + 1]; i++) {
                const int64_t g = t->gene[i], begin = place - rows[g] * t->stride[i];
                for (int64_t j = first[g]; j < n_changes && gene[j] == g; j++)
                    values[j * terms + term] = t->entries[begin + choice[j] * t->stride[i]];
            }
        }
        for (int64_t j = 0; j < n_changes; j++) cost[j] = sum(values + j * terms, terms);
    }
    free(values), free(first);
    return 0;
}

/* What children are drawn by, as children.py describes it: arrays of n parents, `tries` candidates each, and
   n_changes single changes, which set gene[j] to choice[j]. */
typedef struct {
    int64_t n, tries, n_changes, most;
    const int64_t *gene;     /* [n_changes] */
    const int8_t *choice;    /* [n_changes] */
    const float *gumbel;     /* [65536] */
    const int8_t *parents;   /* [n, n_genes] */
    const float *gain;       /* [n, n_changes], -inf where nothing would change */
    const float *saving;     /* [n, n_changes] */
    const float *noise;      /* [n] */
    const float *price;      /* [n, tries] */
    const int64_t *wanted;   /* [n, tries], at most `most` */
    const double *luck;      /* [n, tries] */
    const double *target;    /* [n] */
} draws;

/* Room for the candidates of one parent. Its changes that are any are in blocks of 8; gains of the last block are
   filled up with -inf. */
typedef struct {
    uint64_t *drawn;       /* [2 * blocks] random words */
    int64_t *live, *top;   /* [8 * blocks] which changes they are; [most] the best of them, best first */
    double *value;         /* [tries] */
    float *gain, *saving;  /* [8 * blocks] */
    float *score, *high;   /* [8 * blocks], [blocks] the highest score of each block */
    int8_t *rows;          /* [tries, n_genes] */
} room;

static inline float highest(const float *score) {
    float high = -INFINITY;
    for (int64_t i = 0; i < 8; i++) high = score[i] > high ? score[i] : high;
    return high;
}

/* Draw one candidate into row, with a random number of 16 bits for each change; return the sum of its gains. */
static float candidate(const tables *t, const draws *d, const bitgen *rng, const room *r, int64_t n_live, int64_t parent,
                       int64_t one, int8_t *row) {
    const uint16_t *numbers = (const uint16_t *)r->drawn;
    const float scale = d->noise[parent], price = d->price[one];
    const int64_t blocks = (n_live + 7) / 8;
    for (int64_t i = 0; i < (n_live + 3) / 4; i++) r->drawn[i] = rng->next_uint64(rng->state);
    for (int64_t i = 0; i < 8 * blocks; i++)
        r->score[i] = (r->gain[i] + price * r->saving[i]) + scale * d->gumbel[numbers[i]];
    for (int64_t b = 0; b < blocks; b++) r->high[b] = highest(r->score + 8 * b);
    int64_t many = 0;
    for (; many < d->wanted[one]; many++) {
        int64_t best = 0, place = 7;
        for (int64_t b = 1; b < blocks; b++) best = r->high[b] > r->high[best] ? b : best;
        if (!blocks || r->high[best] == -INFINITY) break;
        float *score = r->score + 8 * best;
        for (int64_t i = 6; i >= 0; i--) place = score[i] == r->high[best] ? i : place;
        r->top[many] = 8 * best + place;
        score[place] = -INFINITY;
        r->high[best] = highest(score);
    }
    float change = 0.0f;
    memcpy(row, d->parents + parent * t->n_genes, t->n_genes);
    while (many--) { /* from the lowest score up, so that of two changes of a gene the better stays */
        const int64_t i = r->top[many];
        row[d->gene[r->live[i]]] = d->choice[r->live[i]];
        change += r->gain[i];
    }
    return change;
}

/* Put a row's packed key behind the first `size` keys if it is not among them; return whether it was put there. */
static int64_t put(const tables *t, const int8_t *row, uint64_t *keys, int64_t size, int32_t *slots, int64_t mask) {
    int64_t place, fresh;
    return find(t, row, 1, keys, size, slots, mask, &place, &fresh);
}

/* Draw one child a parent, the best of its candidates that meets the target and is new, in canonical form into children
   (int8 [n, n_genes]), with the numbers of their parents; return how many there are, or -1 without memory. Keys and
   slots are those of a memo with room for n more; both are as before afterwards. */
int64_t children(const tables *t, const draws *d, const bitgen *given_rng, uint64_t *keys, int64_t size, int32_t *slots,
                 int64_t mask, int8_t *children, int64_t *parents) {
    const bitgen copy = *given_rng, *rng = &copy;
    const int64_t width = t->n_genes, n_changes = d->n_changes;
    int64_t added = 0;
    const int64_t blocks = (n_changes + 7) / 8;
    char *all = malloc(8 * (10 * blocks + d->most + d->tries) + 4 * 25 * blocks + d->tries * width);
    if (!all) return -1;
    room r;
    r.drawn = (uint64_t *)all, r.live = (int64_t *)(r.drawn + 2 * blocks), r.top = r.live + 8 * blocks;
    r.value = (double *)(r.top + d->most), r.gain = (float *)(r.value + d->tries), r.saving = r.gain + 8 * blocks;
    r.score = r.saving + 8 * blocks, r.high = r.score + 8 * blocks, r.rows = (int8_t *)(r.high + blocks);
    memset(r.drawn, 0, 16 * blocks);
    for (int64_t parent = 0; parent < d->n; parent++) {
        int64_t n_live = 0;
        for (int64_t j = 0; j < n_changes; j++) {
            const float gain = d->gain[parent * n_changes + j];
            r.gain[n_live] = gain, r.saving[n_live] = d->saving[parent * n_changes + j], r.live[n_live] = j;
            n_live += gain > -INFINITY;
        }
        for (int64_t i = n_live; i % 8; i++) r.gain[i] = -INFINITY, r.saving[i] = 0.0f;
        for (int64_t try = 0; try < d->tries; try++) {
            const int64_t one = parent * d->tries + try;
            int8_t *row = r.rows + try * width;
            r.value[try] = candidate(t, d, rng, &r, n_live, parent, one, row) + d->luck[one];
        }
        for (;;) { /* the cost of a candidate is needed only where no better one is a child */
            int64_t best = 0;
            for (int64_t try = 1; try < d->tries; try++)
                if (r.value[try] > r.value[best]) best = try;
            if (r.value[best] == -INFINITY) break;
            const int8_t *row = r.rows + best * width;
            if (cost_of(t, row, d->target[parent]) <= d->target[parent] &&
                put(t, row, keys, size + added, slots, mask) == 1) {
                int8_t *child = children + added * width;
                for (int64_t i = 0; i < width; i++)
                    child[i] = row[t->owner[i]] >= t->active_from[i] ? distinct(t, i, row[i]) : 0;
                parents[added++] = parent;
                break;
            }
            r.value[best] = -INFINITY;
        }
    }
    forget(t->n_words, keys, size, added, slots, mask);
    free(all);
    return added;
}

/* Put architectures (their places among all, and the numbers of their rounds: [n]) among the elites of the anchors that
   they meet (places [rounds * n_anchors, most], best first, and accuracy), before those that are less accurate. */
void offer(int64_t n_rounds, int64_t n_anchors, int64_t most, const double *anchors, int64_t *elites, double *highest,
           int64_t n, const int64_t *places, const int64_t *of, const double *accuracy, const double *cost) {
    for (int64_t line = 0; line < n_rounds * n_anchors; line++, elites += most, highest += most)
        for (int64_t i = 0; i < n; i++) {
            const double value = accuracy[places[i]];
            if (of[i] != line / n_anchors || cost[places[i]] > anchors[line] || value <= highest[most - 1]) continue;
            int64_t rank = most - 1;
            for (; rank > 0 && value > highest[rank - 1]; rank--)
                elites[rank] = elites[rank - 1], highest[rank] = highest[rank - 1];
            elites[rank] = places[i], highest[rank] = value;
        }
}
