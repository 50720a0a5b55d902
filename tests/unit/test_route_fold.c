// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "route_fold.h"

/* As the engine does it: what lies behind the path's end is there, and means nothing. */
static const char *fold(const char *path, bool cut)
{
	static char text[RQS_ROUTE_PATH_MAX + 1];
	unsigned char *room = malloc(RQS_ROUTE_PATH_MAX), *out = calloc(1, RQS_ROUTE_PATH_MAX);
	size_t bytes = strlen(path);
	struct rqs_fold f;
	uint32_t length;

	assert_true(bytes <= RQS_ROUTE_PATH_MAX);
	memset(room, '7', RQS_ROUTE_PATH_MAX);
	memcpy(room, path, bytes);
	rqs_fold_begin(&f, room);
	for (size_t i = 0; i < bytes; i++)
		if (!rqs_fold_byte(&f, out, room[i]))
			break;
	length = rqs_fold_end(&f, out, cut);
	assert_true(length <= RQS_ROUTE_PATH_MAX);
	for (size_t i = length; i < RQS_ROUTE_PATH_MAX; i++)
		assert_int_equal(out[i], 0);
	memcpy(text, out, length);
	text[length] = '\0';
	free(room);
	free(out);
	return text;
}

static const struct {
	const char *path;
	const char *folded;
} table[] = {
	/* what doesn't vary */
	{ "/", "/" },
	{ "/users", "/users" },
	{ "/api/v1/users/", "/api/v1/users/" },
	{ "/api/v2.0/a-b_c", "/api/v2.0/a-b_c" },
	{ "/2.0/feed", "/2.0/feed" },
	{ "/utf-8/h2/mp3/base64", "/utf-8/h2/mp3/base64" },
	{ "/index.html", "/index.html" },
	{ "/facade/decade/cafe", "/facade/decade/cafe" },
	{ "/getUserByIdAndName", "/getUserByIdAndName" },
	{ "/.well-known/acme-challenge", "/.well-known/acme-challenge" },
	/* numbers */
	{ "/users/1", "/users/:id" },
	{ "/users/42/orders/7", "/users/:id/orders/:id" },
	{ "/0", "/:id" },
	{ "/users/12345678901234567890", "/users/:id" },
	{ "/2026-11-24", "/:id" },
	{ "/hosts/10.0.0.1", "/hosts/:id" },
	{ "/page/1.2", "/page/1.2" }, /* a version, as far as anybody can tell */
	{ "/user-12345", "/user-:id" },
	{ "/123.json", "/:id.json" },
	{ "/items;id=1234", "/items;id=:id" },
	/* UUIDs and hashes */
	{ "/o/3fa85f64-5717-4562-b3fc-2c963f66afa6/x", "/o/:id/x" },
	{ "/o/3FA85F64-5717-4562-B3FC-2C963F66AFA6", "/o/:id" },
	{ "/o/ffffffff-ffff-ffff-ffff-ffffffffffff", "/o/:id" },
	{ "/c/a1b2c3d", "/c/:id" },
	{ "/c/d41d8cd98f00b204e9800998ecf8427e", "/c/:id" },
	{ "/c/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/c/:id" },
	{ "/static/main.3f2a1b9c.js", "/static/main.:id.js" },
	{ "/mac/00:1a:2b:3c:4d:5e", "/mac/00:1a:2b:3c:4d:5e" }, /* 12 digits: too few to be sure */
	/* long random parts */
	{ "/v/dQw4w9WgXcQ1", "/v/:id" },
	{ "/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/:id" },
	{ "/t/aB3-xY9_zQ1w2E3r4T5", "/t/:id" },
	{ "/how-to-train-your-dragon-in-ten-easy-steps", "/:id" },
	/* slashes */
	{ "//", "//" },
	{ "//1//22//", "//:id//:id//" },
	{ "/1/", "/:id/" },
	{ "/a%2F1", "/a%2F1" }, /* not a slash: RFC 3986 2.2 */
	{ "/%31%32", "/%31%32" },
	/* no path */
	{ "*", "*" },
	{ "example.org:443", "example.org:443" },
	{ "12345:443", "12345:443" },
	{ "http://10.0.0.1:8080/users/7", "http://10.0.0.1:8080/users/:id" },
	{ "https://a/1/2", "https://a/:id/:id" },
	{ "http://a", "http://a" },
	{ "http:/x/1", "http:/x/1" },
	/* hostile */
	{ "/\xff\xfe\x80", "/\xff\xfe\x80" },
	{ "/<script>/1", "/<script>/:id" },
	{ "/:id", "/:id" },
	{ "/%00%00", "/%00%00" },
	/* it gets longer, and then too long */
	{ "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6",
	  "/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id" },
	{ "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9",
	  "/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/:id/..." },
};

static void test_paths_are_folded(void **state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(fold(table[i].path, false), table[i].folded);
}

static void test_folding_a_folded_path_changes_nothing(void **state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char once[RQS_ROUTE_PATH_MAX + 1];

		strcpy(once, fold(table[i].path, false));
		assert_string_equal(fold(once, false), once);
	}
}

static void test_a_cut_path_ends_in_dots(void **state)
{
	assert_string_equal(fold("/files/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true), "/files/...");
	assert_string_equal(fold("/1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true), "/:id/...");
	assert_string_equal(fold("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", true), "/:id/...");
	assert_string_equal(fold("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true), "...");
	assert_string_equal(fold("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/A/B/C/D/E/F", true),
			    "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/A/B/C/D/...");
}

/* Whatever comes: it ends within its room, and one bit of garbage behind the end changes nothing. */
static void test_random_bytes(void **state)
{
	static const char often[] = "/09afAFgz-_.%:~";
	uint64_t random = 5;
	char path[RQS_ROUTE_PATH_MAX + 1], once[RQS_ROUTE_PATH_MAX + 1];

	for (uint32_t round = 0; round < 20000; round++) {
		size_t bytes = 1 + build_random(&random) % RQS_ROUTE_PATH_MAX;

		for (size_t i = 0; i < bytes; i++) {
			uint64_t value = build_random(&random);

			path[i] = value & 0x100 ? often[value % (sizeof(often) - 1)] : (char)(0x21 + value % (0x100 - 0x21));
		}
		path[bytes] = '\0';
		strcpy(once, fold(path, bytes == RQS_ROUTE_PATH_MAX && round & 1));
		assert_true(once[0]);
	}
}

static void test_methods(void **state)
{
	static const struct {
		const char *text;
		uint32_t number;
	} methods[] = { { "GET", 1 }, { "POST", 2 }, { "DELETE", 4 }, { "PROPFIND", 10 }, { "QUERY", 19 }, { "GE", 0 },
			{ "GETS", 0 }, { "PROPPATCH", 0 }, { "B-C_D", 0 }, { "AAAAAAAAAAAAAAA", 0 } };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		unsigned char *room = malloc(RQS_ROUTE_PATH_MAX);

		memset(room, ' ', RQS_ROUTE_PATH_MAX);
		memcpy(room, methods[i].text, strlen(methods[i].text));
		assert_int_equal(rqs_route_method(room, (uint32_t)strlen(methods[i].text)), methods[i].number);
		free(room);
	}
	assert_int_equal(rqs_route_method((const unsigned char *)"        ", 0), 0);
}

static uint64_t hash_of(uint64_t seed, uint32_t slot, const char *method, const char *path, bool cut, char filler)
{
	unsigned char room[16 + RQS_ROUTE_PATH_MAX];

	memset(room, filler, sizeof(room));
	memcpy(room, method, strlen(method));
	memcpy(room + 16, path, strlen(path));
	return rqs_route_hash(seed, slot, room, (uint32_t)strlen(method), room + 16, (uint32_t)strlen(path), cut);
}

static void test_a_hash_is_of_all_that_counts_and_of_nothing_else(void **state)
{
	uint64_t hash = hash_of(1, 2, "GET", "/users/1", false, 'x');

	assert_true(hash == hash_of(1, 2, "GET", "/users/1", false, '/'));
	assert_true(hash != hash_of(3, 2, "GET", "/users/1", false, 'x'));
	assert_true(hash != hash_of(1, 3, "GET", "/users/1", false, 'x'));
	assert_true(hash != hash_of(1, 2, "PUT", "/users/1", false, 'x'));
	assert_true(hash != hash_of(1, 2, "GETS", "/users/1", false, 'x'));
	assert_true(hash != hash_of(1, 2, "GET", "/users/2", false, 'x'));
	assert_true(hash != hash_of(1, 2, "GET", "/users/", false, '1'));
	assert_true(hash != hash_of(1, 2, "GET", "/users/1", true, 'x'));
	/* a flipped high bit in one word and its echo in the next must not cancel */
	assert_true(hash_of(1, 2, "GET", "/aaaaaa\x81/bbbbbbb", false, 'x') != hash_of(1, 2, "GET", "/aaaaaa\x01/bbb\xe2" "bb\xe2", false, 'x'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_are_folded),
		cmocka_unit_test(test_folding_a_folded_path_changes_nothing),
		cmocka_unit_test(test_a_cut_path_ends_in_dots),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_a_hash_is_of_all_that_counts_and_of_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
