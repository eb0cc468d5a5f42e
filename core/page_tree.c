#include "core/page_tree.h"

#include "core/assert.h"

/* An inner node holds the addresses of the nodes below it. */
static uint64_t *node_at(uint64_t word) {
    return (uint64_t *)(uintptr_t)word;
}

static uint32_t index_of(uint64_t page, uint32_t level) {
    return (uint32_t)(page >> level * PAGE_TREE_SHIFT) & (PAGE_TREE_FANOUT - 1);
}

/* Pages that one word of a node at this level stands for. */
static uint64_t span_of(uint32_t level) {
    return UINT64_C(1) << level * PAGE_TREE_SHIFT;
}

void page_tree_init(struct page_tree *tree, uint64_t page_count) {
    ASSERT(page_count != 0 && page_count <= PAGE_TREE_PAGES_MAX);
    uint32_t levels = 1;
    while (span_of(levels) < page_count) {
        levels++;
    }
    *tree = (struct page_tree){.page_count = page_count, .levels = levels};
}

uint64_t *page_tree_find(const struct page_tree *tree, uint64_t page) {
    ASSERT(page < tree->page_count);
    uint64_t *node = tree->root;
    for (uint32_t level = tree->levels - 1; node != NULL && level > 0; level--) {
        node = node_at(node[index_of(page, level)]);
    }
    return node == NULL ? NULL : &node[index_of(page, 0)];
}

uint64_t *page_tree_ensure(struct page_tree *tree, uint64_t page,
                           uint64_t *(*take_node)(void *argument), void *argument) {
    ASSERT(page < tree->page_count);
    if (tree->root == NULL) {
        tree->root = take_node(argument);
    }
    uint64_t *node = tree->root;
    for (uint32_t level = tree->levels - 1; node != NULL && level > 0; level--) {
        uint64_t *word = &node[index_of(page, level)];
        if (*word == 0) {
            *word = (uint64_t)(uintptr_t)take_node(argument);
        }
        node = node_at(*word);
    }
    return node == NULL ? NULL : &node[index_of(page, 0)];
}

/* The first word in use of this node for [*page, end), at its own page number. */
static uint64_t *next_in_node(uint64_t *node, uint32_t level, uint64_t *page, uint64_t end) {
    uint64_t span = span_of(level), at = *page;
    for (uint32_t i = index_of(at, level); i < PAGE_TREE_FANOUT && at < end; i++) {
        if (node[i] != 0) {
            *page = at;
            return &node[i];
        }
        at = (at & ~(span - 1)) + span;
    }
    *page = at < end ? at : end;
    return NULL;
}

uint64_t *page_tree_next(const struct page_tree *tree, uint64_t *page, uint64_t end) {
    ASSERT(end <= tree->page_count);
    while (tree->root != NULL && *page < end) {
        uint64_t *node = tree->root;
        for (uint32_t level = tree->levels - 1;; level--) {
            uint64_t *word = next_in_node(node, level, page, end);
            if (word == NULL) {
                break; /* go on above, with the next node */
            }
            if (level == 0) {
                return word;
            }
            node = node_at(*word);
        }
    }
    *page = end;
    return NULL;
}

uint64_t *page_tree_take_node(struct page_tree *tree, bool *holds_entries) {
    uint64_t *node = tree->root, *word = NULL;
    uint32_t level = tree->levels - 1;
    *holds_entries = level == 0;
    if (node == NULL) {
        return NULL;
    }
    while (level > 0) {
        uint64_t first = 0;
        uint64_t *below = next_in_node(node, level, &first, span_of(level + 1));
        if (below == NULL) {
            break;
        }
        word = below;
        node = node_at(*word);
        level--;
    }
    *holds_entries = level == 0;
    if (word == NULL) {
        tree->root = NULL;
    } else {
        *word = 0;
    }
    return node;
}

/* What lies behind the last page is empty. */
static void check_node(const struct page_tree *tree, const uint64_t *node, uint32_t level,
                       uint64_t first) {
    for (uint32_t i = 0; i < PAGE_TREE_FANOUT; i++) {
        uint64_t page = first + i * span_of(level);
        ASSERT(page < tree->page_count || node[i] == 0);
        if (level > 0 && node[i] != 0) {
            check_node(tree, node_at(node[i]), level - 1, page);
        }
    }
}

void page_tree_check(const struct page_tree *tree) {
    ASSERT(tree->levels >= 1 && tree->levels <= PAGE_TREE_LEVELS_MAX);
    ASSERT(span_of(tree->levels) >= tree->page_count);
    ASSERT(tree->levels == 1 || span_of(tree->levels - 1) < tree->page_count);
    if (tree->root != NULL) {
        check_node(tree, tree->root, tree->levels - 1, 0);
    }
}
