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
    return (float)(rng->next_uint32(rng->state) >> 8) * (1.0f / 16777216.0f);
}

/* The position that stands for a gene's choice; negative where it has no such choice. */
static inline int8_t distinct(const tables *t, int64_t gene, int8_t choice) {
    return t->distinct[gene * 256 + (uint8_t)choice];
}

static inline double entry(const tables *t, const int8_t *row, int64_t term) {
    int64_t place = t->offset[term];
    for (int64_t j = t->begin[term]; j < t->begin[term + 1]; j++) place += row[t->gene[j]] * t->stride[j];
    return t->entries[place];
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
int64_t offspring(const tables *t, const bitgen *given_rng, const int8_t *parents, int64_t n_parents, float prob, double target,
                  int64_t max_redraws, int8_t *children, int64_t n_mutants, int64_t n_crossed) {
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
        for (int64_t i = 0; i < missing * t->n_groups; i++) hit[i] = uniform(rng) < prob;
        for (int64_t s = 0; s < missing; s++) {
            const int8_t *parent = children + slots[s] * width, *hits = hit + s * t->n_groups;
            for (int64_t i = 0; i < width; i++) {
                int8_t drawn = (int8_t)(uniform(rng) * t->cardinality[i]);
                candidates[s * width + i] = hits[t->group[i]] ? drawn : parent[i];
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
            for (int64_t i = 0; i < width; i++) { /* a branch here would be mispredicted half of the time */
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
   target; at most max_draws. Put these into rows (int8 [wanted, n_genes]), and the number of draws into drawn: in all, and
   until the last of the rows. Returns how many there are. */
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

/* Fill empty slots with the places of all keys. */
void rehash(int64_t n_words, const uint64_t *keys, int64_t size, int32_t *slots, int64_t mask) {
    for (int64_t place = 0; place < size; place++) {
        int64_t slot = slot_of(keys + place * n_words, n_words, mask);
        while (slots[slot] >= 0) slot = (slot + 1) & mask;
        slots[slot] = (int32_t)place;
    }
}
