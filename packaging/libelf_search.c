// SPDX-License-Identifier: GPL-2.0-only
/*
 * libelf.a of elfutils 0.192 (Debian 13) calls these two functions and doesn't contain them.
 * Linked as an archive after libelf.a: one that contains them keeps its own.
 */
#include <search.h>
#include <stddef.h>

/* How libelf's begins. The rest of it is a lock, which libelf has only when built to be thread-safe; Debian's isn't. */
struct search_tree {
	void *root;
};

void eu_search_tree_init(struct search_tree *tree);
void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *node));

void eu_search_tree_init(struct search_tree *tree)
{
	tree->root = NULL;
}

void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *node))
{
	tdestroy(tree->root, free_node);
	tree->root = NULL;
}
