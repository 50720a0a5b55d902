/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * assets - the page, compiled in. The table is made by packaging/embed at build time.
 * Downstream: server.h. No file is ever served from disk.
 */
#ifndef RQS_ASSETS_H
#define RQS_ASSETS_H

#include <stddef.h>

struct rqs_asset {
	const char *path;	  /* "/", "/app.js", ... */
	const char *content_type;
	const unsigned char *gzip; /* the content, gzip-compressed */
	size_t gzip_bytes;
};

extern const struct rqs_asset rqs_assets[];
extern const size_t rqs_asset_count;

#endif
