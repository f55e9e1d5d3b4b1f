/* An intrusive doubly linked list: `struct list` is both head and link. */
#ifndef GATEHOUSE_BASE_LIST_H
#define GATEHOUSE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

/* An empty head, or a link that is in no list. */
static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static inline void list_add_head(struct list *head, struct list *link)
{
	list_add_tail(head->next, link);
}

/* Take a link out; harmless when it is in no list. */
static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* Take the first link out, or NULL. */
static inline struct list *list_pop(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}

#define LIST_OBJ(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

#endif
