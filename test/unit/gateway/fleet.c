/* Where requests belong: the same on every replica, and little moves when one goes or comes. */
#include "../unit.h"

#include <stdio.h>

#include "gateway/fleet.h"

#define NODES 8
#define SESSIONS 20000

static struct fleet_nodes *fleet_of(const uint64_t *ids, size_t count)
{
	struct state_member members[NODES];

	for (size_t i = 0; i < count; i++)
		members[i] = (struct state_member){.id = ids[i], .words = STR("http://10.0.0.1:8080")};
	return fleet_nodes_new(members, count, STR("http://10.0.0.9:8080"));
}

static const uint64_t ids[NODES] = {3, 5, 7, 11, 0x1234567890abcdef, 17, 19, 0xffffffffffffffff};

static uint64_t home(const struct fleet_nodes *nodes, unsigned session, uint64_t gone)
{
	struct fleet_wish wish = {.gone = {gone}, .gone_count = gone != 0};
	const struct fleet_node *node = NULL;
	char number[17];

	snprintf(number, sizeof(number), "%016x", session * 2654435761u);
	wish.number = str_of(number);
	return fleet_home_of(nodes, &wish, &node) == FLEET_HERE ? fleet_self() : node->id;
}

START_TEST(this_process_is_always_there)
{
	AUTO(fleet_nodes) *alone = fleet_nodes_new(NULL, 0, STR("http://[::1]:1"));
	const struct state_member self = {.id = fleet_self(), .words = STR("http://old.example:1")};
	AUTO(fleet_nodes) *twice = fleet_nodes_new(&self, 1, STR("http://[::1]:1"));
	const struct state_member wordless = {.id = 4};
	AUTO(fleet_nodes) *odd = fleet_nodes_new(&wordless, 1, STR("http://[::1]:1"));

	ck_assert_uint_ne(fleet_self(), 0);
	ck_assert_uint_eq(alone->count, 1);
	ck_str(fleet_find(alone, fleet_self())->address, "http://[::1]:1");
	ck_assert_uint_eq(twice->count, 1);
	ck_str(twice->node[0].address, "http://[::1]:1");
	ck_assert_uint_eq(odd->count, 1);
	ck_assert_ptr_null(fleet_find(odd, 4));
}
END_TEST

START_TEST(sessions_are_spread_evenly)
{
	AUTO(fleet_nodes) *nodes = fleet_of(ids, NODES);
	unsigned here = 0, count[NODES] = {0};

	for (unsigned s = 0; s < SESSIONS; s++) {
		uint64_t at = home(nodes, s, 0);

		here += at == fleet_self();
		for (size_t i = 0; i < NODES; i++)
			count[i] += at == ids[i];
	}
	for (size_t i = 0; i < NODES; i++)
		ck_assert_msg(count[i] > SESSIONS / (NODES + 1) * 9 / 10 && count[i] < SESSIONS / (NODES + 1) * 11 / 10,
			      "node %zu has %u", i, count[i]);
	ck_assert_uint_gt(here, SESSIONS / (NODES + 1) * 9 / 10);
}
END_TEST

START_TEST(only_the_sessions_of_who_went_move)
{
	AUTO(fleet_nodes) *all = fleet_of(ids, NODES);
	AUTO(fleet_nodes) *fewer = fleet_of(ids, NODES - 1);
	unsigned moved = 0;

	for (unsigned s = 0; s < SESSIONS; s++) {
		uint64_t before = home(all, s, 0), after = home(fewer, s, 0);

		if (before == ids[NODES - 1])
			moved++;
		else
			ck_assert_uint_eq(before, after);
		/* Who finds it out of reach agrees with who knows that it went. */
		ck_assert_uint_eq(home(all, s, ids[NODES - 1]), after);
	}
	ck_assert_uint_gt(moved, 0);
}
END_TEST

START_TEST(the_order_of_joining_does_not_matter)
{
	const uint64_t other[] = {19, 3, 0xffffffffffffffff, 11, 5, 0x1234567890abcdef, 17, 7};
	AUTO(fleet_nodes) *a = fleet_of(ids, NODES);
	AUTO(fleet_nodes) *b = fleet_of(other, NODES);

	for (unsigned s = 0; s < 1000; s++)
		ck_assert_uint_eq(home(a, s, 0), home(b, s, 0));
}
END_TEST

static const struct {
	uint64_t thing, session, gone;
	bool number;
	enum fleet_place place;
	uint64_t node; /* 0: whichever */
} homes[] = {
	{0, 0, 0, false, FLEET_HERE, 0},   {7, 0, 0, false, FLEET_THERE, 7}, /* a parked call */
	{8, 0, 0, false, FLEET_LOST, 0},				     /* of who has gone */
	{7, 0, 7, false, FLEET_LOST, 0},				     /* of who is out of reach */
	{0, 11, 0, true, FLEET_THERE, 11},				     /* a session */
	{7, 11, 0, true, FLEET_THERE, 7}, /* an answer to a question, by way of a session */
	{8, 11, 0, true, FLEET_THERE, 11}, {8, 11, 11, false, FLEET_LOST, 0}, /* a session that is a stream */
	{0, 12, 0, false, FLEET_LOST, 0},
};

START_TEST(what_is_named_goes_before_the_session)
{
	AUTO(fleet_nodes) *nodes = fleet_of(ids, NODES);
	struct fleet_wish wish = {
		.thing = homes[_i].thing,
		.session = homes[_i].session,
		.number = homes[_i].number ? STR("00000000000000aa") : STR_NONE,
		.gone = {homes[_i].gone},
		.gone_count = homes[_i].gone != 0,
	};
	const struct fleet_node *node = NULL;

	ck_assert_int_eq(fleet_home_of(nodes, &wish, &node), homes[_i].place);
	if (homes[_i].place == FLEET_THERE)
		ck_assert_uint_eq(node->id, homes[_i].node);
}
END_TEST

START_TEST(this_process_is_here_whatever_names_it)
{
	AUTO(fleet_nodes) *nodes = fleet_of(ids, NODES);
	struct fleet_wish thing = {.thing = fleet_self()}, session = {.session = fleet_self()};
	const struct fleet_node *node = NULL;

	ck_assert_int_eq(fleet_home_of(nodes, &thing, &node), FLEET_HERE);
	ck_assert_int_eq(fleet_home_of(nodes, &session, &node), FLEET_HERE);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("fleet");

	tcase_add_test(tcase, this_process_is_always_there);
	tcase_add_test(tcase, sessions_are_spread_evenly);
	tcase_add_test(tcase, only_the_sessions_of_who_went_move);
	tcase_add_test(tcase, the_order_of_joining_does_not_matter);
	tcase_add_loop_test(tcase, what_is_named_goes_before_the_session, 0, ARRAY_LEN(homes));
	tcase_add_test(tcase, this_process_is_here_whatever_names_it);
	return unit_run("fleet", tcase);
}
