// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of framing, vector by vector. In a vector's text ^ stands where a head is whole and $ where a message is over;
 * neither is part of the stream. Its other column has a word for each ^ (see feed_framing.h) and one for the end.
 */
#include "feed_framing.h"

#define TEXT_MAX 4096
#define X8 "xxxxxxxx"
#define X64 X8 X8 X8 X8 X8 X8 X8 X8
#define X512 X64 X64 X64 X64 X64 X64 X64 X64
#define LINE64 "X-Header: 0123456789012345678901234567890123456789012345678901\r\n"
#define LINES512 LINE64 LINE64 LINE64 LINE64 LINE64 LINE64 LINE64 LINE64
#define FAKE_REQUEST "GET /f HTTP/1.1\r\nContent-Length: 9\r\n\r\n"    /* 38 bytes */
#define FAKE_RESPONSE "HTTP/1.1 500 F\r\nContent-Length: 9\r\n\r\n" /* 37 bytes */
_Static_assert(sizeof(LINE64) == 65 && sizeof(FAKE_REQUEST) == 39 && sizeof(FAKE_RESPONSE) == 38, "as named and as counted below");

#define OK "HTTP/1.1 200 OK\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

struct vector {
	enum feed_kind kind;
	const char *name;
	const char *text;
	size_t bytes;
	const char *want;
};

#define V(kind, name, text, want) { kind, name, text, sizeof(text) - 1, want }

static const struct vector vectors[] = {
	/* request lines */
	V(REQUEST, "plain", "GET / HTTP/1.1\r\nHost: t\r\n\r\n^$", "none idle"),
	V(REQUEST, "nothing", "", "idle"),
	V(REQUEST, "no header", "GET / HTTP/1.0\r\n\r\n^$", "none idle"),
	V(REQUEST, "bare LF", "GET / HTTP/1.1\nHost: t\n\n^$", "none idle"),
	V(REQUEST, "mixed line ends", "GET / HTTP/1.1\nHost: t\r\nA: b\n\r\n^$", "none idle"),
	V(REQUEST, "two CRs", "GET / HTTP/1.1\r\r\nHost: t\r\r\n\r\n^$", "none idle"),
	V(REQUEST, "star", "OPTIONS * HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "absolute", "GET http://t:80/a?b#c HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "bytes above 0x7f", "GET /\x7f\x80\xc3\xa9\xff\xfe\xa1\xa0 HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "HEAD", "HEAD / HTTP/1.1\r\n\r\n^$GET / HTTP/1.1\r\n\r\n^$", "HEAD,none none idle"),
	V(REQUEST, "CONNECT", "CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n^$", "CONNECT,none idle"),
	V(REQUEST, "almost HEAD", "AHEAD / HTTP/1.1\r\n\r\n^$HEADS / HTTP/1.1\r\n\r\n^$", "none none idle"),
	V(REQUEST, "almost CONNECT", "ACONNECT / HTTP/1.1\r\n\r\n^$ABCONNECT / HTTP/1.1\r\n\r\n^$", "none none idle"),
	V(REQUEST, "one letter", "A / HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "15 letters", "VERSION-CONTROL / HTTP/1.1\r\n\r\n^$M_SEARCH-ABCDEF * HTTP/1.1\r\n\r\n^$", "none none idle"),
	V(REQUEST, "16 letters and more", "BASELINE-CONTROL / HTTP/1.1\r\n\r\n^$UPDATEREDIRECTREF / HTTP/1.1\r\n\r\n^$", "none none idle"),
	V(REQUEST, "31 letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZACONN / HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "32 letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "that end in HEAD and CONNECT", "ABCDEFGHIJKLMNHEAD / HTTP/1.1\r\n\r\n^$ABCDEFGHIJKLCONNECT / HTTP/1.1\r\n\r\n^$",
	  "none none idle"),
	V(REQUEST, "target of 600 bytes", "GET /" X512 X64 X8 X8 X8 " HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "target of two windows", "GET /" X512 X512 "?a=b HTTP/1.1\r\nContent-Length: 1\r\n\r\n^x$", "length=1 idle"),
	V(REQUEST, "target that names a version", "GET /HTTP/1.1 HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "lower case", "get / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "get foo", "get foo", "bad"),
	V(REQUEST, "mixed case", "Get / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "digit in a method", "GET2 / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "no target", "GET  HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "two blanks", "GET  / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "two blanks behind", "GET /  HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "blank in a target", "GET /a b HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "tab in a target", "GET /a\tb HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "NUL in a target", "GET /a\0b HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "tab behind the method", "GET\t/ HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "only a method", "GET\r\n\r\n", "bad"),
	V(REQUEST, "HTTP/0.9", "GET /\r\n", "bad"),
	V(REQUEST, "HTTP/0.9, longer", "GET /index.html\r\n", "bad"),
	V(REQUEST, "HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", "bad"),
	V(REQUEST, "HTTP/1.10", "GET / HTTP/1.10\r\n\r\n", "bad"),
	V(REQUEST, "HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", "bad"),
	V(REQUEST, "lower-case version", "GET / http/1.1\r\n\r\n", "bad"),
	V(REQUEST, "other protocol", "OPTIONS rtsp://t RTSP/1.0\r\n\r\n", "bad"),
	V(REQUEST, "blank behind the version", "GET / HTTP/1.1 \r\n\r\n", "bad"),
	V(REQUEST, "blank before the method", " GET / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "a response", OK "\r\n", "bad"),
	V(REQUEST, "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"),
	V(REQUEST, "PRI", "PRI * HTTP/1.1\r\n\r\n^$PRIX * HTTP/2.0\r\n\r\n", "none bad"),
	V(REQUEST, "HTTP/2 behind HTTP/1", "GET / HTTP/1.1\r\n\r\n^$PRI * HTTP/2.0\r\n\r\nSM", "none http2"),
	V(REQUEST, "TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03GET / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "bad"),
	V(REQUEST, "Redis", "*1\r\n$4\r\nPING\r\n", "bad"),
	V(REQUEST, "SMTP", "EHLO there\r\nMAIL FROM:<a@b>\r\n", "bad"),
	V(REQUEST, "begins with GET", "GET \x01\x02\x03", "bad"),
	V(REQUEST, "cut in its method", "GE", "head"),
	V(REQUEST, "cut in its target", "GET /abc", "head"),
	V(REQUEST, "cut in its version", "GET / HTTP/1.", "head"),
	V(REQUEST, "cut in a name", "GET / HTTP/1.1\r\nContent-Len", "head"),
	V(REQUEST, "cut in a value", "GET / HTTP/1.1\r\nContent-Length: 5", "head"),
	V(REQUEST, "cut before the last LF", "GET / HTTP/1.1\r\nHost: t\r\n\r", "head"),
	V(REQUEST, "CR in a line's place", "GET / HTTP/1.1\r\n\rHost: t\r\n\r\n", "bad"),
	/* what may stand before a head */
	V(REQUEST, "leading CRLF", "\r\nGET / HTTP/1.1\r\n\r\n^$\r\n\r\nGET / HTTP/1.1\r\n\r\n^$\r\n", "none none idle"),
	V(REQUEST, "8 leading CRLFs", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "17 leading LFs", "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nGET / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "9 leading CRLFs", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", "bad"),
	V(REQUEST, "PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 56324 80\r\nHEAD / HTTP/1.1\r\n\r\n^$GET / HTTP/1.1\r\n\r\n^$",
	  "HEAD,none none idle"),
	V(REQUEST, "PROXY line, then CRLF", "PROXY UNKNOWN abcdef abcdef\r\n\r\nGET / HTTP/1.1\r\n\r\n^$", "none idle"),
	V(REQUEST, "PROXY line, then HTTP/2", "PROXY UNKNOWN\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"),
	V(REQUEST, "PROXY line, then TLS", "PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n\x16\x03\x01", "bad"),
	V(REQUEST, "PROXY line alone", "PROXY UNKNOWN\r\n", "idle"),
	V(REQUEST, "PROXY line cut", "PROXY TCP4 1.2.3.4", "head"),
	/* bodies of requests */
	V(REQUEST, "length", POST "Content-Length: 5\r\n\r\n^hello$", "length=5 idle"),
	V(REQUEST, "length 0", POST "Content-Length: 0\r\n\r\n^$", "none idle"),
	V(REQUEST, "length to a GET", "GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n^ab$", "length=2 idle"),
	V(REQUEST, "cut in its body", POST "Content-Length: 50\r\n\r\n^hello", "length=50 body"),
	V(REQUEST, "body like heads", POST "Content-Length: 76\r\n\r\n^" FAKE_REQUEST FAKE_REQUEST "$GET / HTTP/1.1\r\n\r\n^$",
	  "length=76 none idle"),
	V(REQUEST, "chunked", POST CHUNKED "\r\n^5\r\nhello\r\n0\r\n\r\n$GET / HTTP/1.1\r\n\r\n^$", "chunked none idle"),
	V(REQUEST, "pipelined",
	  "GET /1 HTTP/1.1\r\n\r\n^$POST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\n^abc$HEAD /3 HTTP/1.1\r\n\r\n^$" POST CHUNKED
	  "\r\n^1\r\na\r\n0\r\n\r\n$GET /5 HTTP/1.0\r\n\r\n^$GET",
	  "none length=3 HEAD,none chunked none head"),
	V(REQUEST, "rubbish behind a body", POST "Content-Length: 2\r\n\r\n^ab$cd", "length=2 bad"),
	/* heads of several windows */
	V(REQUEST, "length behind two windows", POST LINES512 LINES512 "Content-Length: 3\r\n\r\n^abc$", "length=3 idle"),
	V(REQUEST, "a value of two windows", POST "Cookie: " X512 X512 "\r\n" CHUNKED "\r\n^0\r\n\r\n$", "chunked idle"),
	V(REQUEST, "two such heads", "GET / HTTP/1.1\r\n" LINES512 "\r\n^$" POST "A: " X512 "\r\nContent-Length: 1\r\n\r\n^x$",
	  "none length=1 idle"),
	V(REQUEST, "length far behind chunked", POST CHUNKED LINES512 "Content-Length: 3\r\n\r\n^0\r\n\r\n$", "chunked idle"),
	/* names that are not the two that matter */
	V(RESPONSE, "other names",
	  OK "Connection: close\r\nContent-Type: text/plain; a=5\r\nContent-Lengthy: 5\r\nContent-Lengt: 5\r\nContent: 5\r\n"
	     "C: 5\r\nC\r\nContent-\r\nContent-Length\r\nContent-Length : 5\r\nContent_Length: 5\r\nContent-Length; 5\r\n"
	     "X-Content-Length: 5\r\n Content-Length: 5\r\n\tContent-Length: 5\r\n\r\n^text",
	  "200,close close"),
	V(RESPONSE, "other names, likewise",
	  OK "TE: chunked\r\nT: chunked\r\nT\r\nTransfer: chunked\r\nTransfer-Foo: chunked\r\nTransfer-Encodin: chunked\r\n"
	     "Transfer-Encodings: chunked\r\nTransfer-Encoding : chunked\r\nTransfer-Encoding\r\nTransfer_Encoding: chunked\r\n"
	     "Trailer: chunked\r\nX-Transfer-Encoding: chunked\r\n Transfer-Encoding: chunked\r\n\r\n^text",
	  "200,close close"),
	V(RESPONSE, "control bytes that differ by case",
	  OK "Content\rLength: 5\r\nContent-Length\x1a 5\r\n\x03ontent-Length: 5\r\nTransfer\rEncoding: chunked\r\n"
	     "Transfer-Encoding\x1a chunked\r\n\r\n^text",
	  "200,close close"),
	V(RESPONSE, "names in a value", OK "A: Content-Length: 5\r\nB: Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n^ab$",
	  "200,length=2 idle"),
	/* Content-Length */
	V(RESPONSE, "length", OK "Content-Length: 5\r\n\r\n^hello$", "200,length=5 idle"),
	V(RESPONSE, "length 0", OK "Content-Length: 0\r\n\r\n^$" OK "Content-Length: 00\r\n\r\n^$", "200,none 200,none idle"),
	V(RESPONSE, "length in odd case", OK "cONTENT-lENGTH:2\r\n\r\n^ab$" OK "CONTENT-LENGTH:2\n\n^ab$",
	  "200,length=2 200,length=2 idle"),
	V(RESPONSE, "blanks", OK "Content-Length: \t  12 \t \r\n\r\n^hello, world$", "200,length=12 idle"),
	V(RESPONSE, "leading zeros", OK "Content-Length: 000000000000000000000000000003\r\n\r\n^abc$", "200,length=3 idle"),
	V(RESPONSE, "the first of two", OK "Content-Length: 3\r\nContent-Length: 5\r\n\r\n^abc$", "200,length=3 idle"),
	V(RESPONSE, "a second one that is none", OK "Content-Length: 3\r\nContent-Length: x\r\n\r\n^abc$", "200,length=3 idle"),
	V(RESPONSE, "nothing", OK "Content-Length:\r\n\r\n", "bad"),
	V(RESPONSE, "negative", OK "Content-Length: -5\r\n\r\n", "bad"),
	V(RESPONSE, "plus", OK "Content-Length: +5\r\n\r\n", "bad"),
	V(RESPONSE, "hexadecimal", OK "Content-Length: 0x10\r\n\r\n", "bad"),
	V(RESPONSE, "lists", OK "Content-Length: 5, 5\r\n\r\n^hello$" OK "Content-Length:2,2,\nContent-Length: 7\n\n^ab$" OK
	  "Content-Length: 0 ,0\r\n" CHUNKED "\r\n^0\r\n\r\n$", "200,length=5 200,length=2 200,chunked idle"),
	V(RESPONSE, "folded", OK "Content-Length:\r\n 5\r\n\r\n^hello$" OK "Content-Length: 5\r\n\t \r\n\r\n^hello$" OK
	  "Content-Length:\n\n", "200,length=5 200,length=5 bad"),
	V(RESPONSE, "folded into two numbers", OK "Content-Length: 5\r\n 5\r\n\r\n", "bad"),
	V(RESPONSE, "folded before a comma", OK "Content-Length: 5\r\n ,\r\n 5\r\n\r\n^hello$", "200,length=5 idle"),
	V(RESPONSE, "nothing, folded", OK "Content-Length:\r\n \r\nA: b\r\n\r\n", "bad"),
	V(REQUEST, "folded in a request", POST "Content-Length: \r\n\t2\r\n" CHUNKED " \r\n\r\n^0\r\n\r\n$", "chunked idle"),
	V(RESPONSE, "codings, folded", OK "Transfer-Encoding:\r\n chunked\r\n\r\n^0\r\n\r\n$" OK "Transfer-Encoding: gzip,\r\n\tchunked\r\n"
	  "\r\n^0\r\n\r\n$" OK CHUNKED "\t\n\n^0\r\n\r\n$" OK CHUNKED " , gzip\r\nContent-Length: 2\r\n\r\n^ab",
	  "200,chunked 200,chunked 200,chunked 200,close close"),
	V(RESPONSE, "a name, folded", OK "Transfer-Encoding: chun\r\n ked\r\nContent-Length: 2\r\n\r\n^ab", "200,close close"),
	V(RESPONSE, "other headers, folded", OK "Content-Length: 2\r\nContent-Type: a\r\n 7\r\nT\r\n chunked\r\n\r\n^ab$" OK
	  "Content-Length: 2\r\nContent-Length: 9\r\n 9\r\n\r\n^ab$", "200,length=2 200,length=2 idle"),
	V(RESPONSE, "cut in a fold", OK "Content-Length:\r\n", "head"),
	V(RESPONSE, "a list that begins with nothing", OK "Content-Length: , 5\r\n\r\n", "bad"),
	V(RESPONSE, "two numbers", OK "Content-Length: 5 5\r\n\r\n", "bad"),
	V(RESPONSE, "a number in two lines", OK "Content-Length: 5\r5\n\r\n", "bad"),
	V(RESPONSE, "text", OK "Content-Length: five\r\n\r\n", "bad"),
	V(RESPONSE, "the largest", OK "Content-Length: 2882303761517117439\r\n\r\n^x", "200,length=2882303761517117439 body"),
	V(RESPONSE, "larger", OK "Content-Length: 2882303761517117440\r\n\r\n", "bad"),
	V(RESPONSE, "beyond 64 bits", OK "Content-Length: 18446744073709551621\r\n\r\n", "bad"),
	V(RESPONSE, "body like heads", OK "Content-Length: 74\r\n\r\n^" FAKE_RESPONSE FAKE_RESPONSE "$" OK "\r\n^",
	  "200,length=74 200,close close"),
	/* Transfer-Encoding */
	V(RESPONSE, "chunked", OK CHUNKED "\r\n^5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n$", "200,chunked idle"),
	V(RESPONSE, "no chunk", OK CHUNKED "\r\n^0\r\n\r\n$" OK CHUNKED "\r\n^000\r\n\r\n$", "200,chunked 200,chunked idle"),
	V(RESPONSE, "sizes in odd case", OK CHUNKED "\r\n^a\r\n0123456789\r\nB\r\n01234567890\r\n00c\r\n012345678901\r\n0\r\n\r\n$",
	  "200,chunked idle"),
	V(RESPONSE, "extensions", OK CHUNKED "\r\n^5;a=b\r\nhello\r\n5 ; a=\"\t5\"\r\nhello\r\n5\t\r\nhello\r\n0;last\r\n\r\n$",
	  "200,chunked idle"),
	V(RESPONSE, "trailers", OK CHUNKED "\r\n^1\r\na\r\n0\r\nX-T: 1\r\nContent-Length: 5\r\nx\r\n\r\n$" OK "\r\n^",
	  "200,chunked 200,close close"),
	V(RESPONSE, "bare LF", OK CHUNKED "\r\n^1\na\n0;x\nX-T: 1\n\n$", "200,chunked idle"),
	V(RESPONSE, "chunk like its end", OK CHUNKED "\r\n^7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n$", "200,chunked idle"),
	V(RESPONSE, "chunk like heads", OK CHUNKED "\r\n^4a\r\n" FAKE_RESPONSE FAKE_RESPONSE "\r\n0\r\n\r\n$", "200,chunked idle"),
	V(RESPONSE, "chunk of two windows", OK CHUNKED "\r\n^400\r\n" X512 X512 "\r\n200;" X512 "\r\n" X512 "\r\n0\r\nT: " X512
	  "\r\n\r\n$", "200,chunked idle"),
	V(RESPONSE, "cut in a chunk", OK CHUNKED "\r\n^5\r\nhel", "200,chunked body"),
	V(RESPONSE, "cut in its trailers", OK CHUNKED "\r\n^0\r\nX", "200,chunked body"),
	V(RESPONSE, "14 digits", OK CHUNKED "\r\n^ffffffffffffff\r\nx", "200,chunked body"),
	V(RESPONSE, "leading zeros of a size", OK CHUNKED "\r\n^0000000000000005\r\nhello\r\n00000000000000000000000000000000A \r\n"
	  "0123456789\r\n0000000000000000\r\n\r\n$", "200,chunked idle"),
	V(RESPONSE, "15 digits", OK CHUNKED "\r\n^100000000000000\r\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "14 digits behind zeros", OK CHUNKED "\r\n^00FFFFFFFFFFFFFF;a\r\nx", "200,chunked body"),
	V(RESPONSE, "20 digits", OK CHUNKED "\r\n^ffffffffffffffffffff\r\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "negative size", OK CHUNKED "\r\n^-5\r\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "no size", OK CHUNKED "\r\n^\r\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "no size, bare LF", OK CHUNKED "\r\n^\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "only an extension", OK CHUNKED "\r\n^;a\r\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "blank before a size", OK CHUNKED "\r\n^ 5\r\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "size that is none", OK CHUNKED "\r\n^5g\r\nhello\r\n", "200,chunked bad"),
	V(RESPONSE, "chunk longer than its size", OK CHUNKED "\r\n^4\r\nhello\r\n0\r\n\r\n", "200,chunked bad"),
	V(RESPONSE, "chunk shorter than its size", OK CHUNKED "\r\n^7\r\nhello\r\n0\r\n\r\n", "200,chunked bad"),
	V(RESPONSE, "trailers end by a CR", OK CHUNKED "\r\n^0\r\n\rX\r\n", "200,chunked bad"),
	V(RESPONSE, "odd case and no blank", OK "tRANSFER-eNCODING:cHuNkEd\r\n\r\n^0\r\n\r\n$" OK
	  "TRANSFER-ENCODING: \t CHUNKED \t \n\n^0\r\n\r\n$", "200,chunked 200,chunked idle"),
	V(RESPONSE, "gzip, chunked", OK "Transfer-Encoding: gzip, chunked\r\n\r\n^0\r\n\r\n$" OK
	  "Transfer-Encoding: gzip;a=c,chunked\r\n\r\n^0\r\n\r\n$", "200,chunked 200,chunked idle"),
	V(RESPONSE, "in two lines", OK "Transfer-Encoding: gzip\r\n" CHUNKED "\r\n^0\r\n\r\n$", "200,chunked idle"),
	V(RESPONSE, "chunked, gzip", OK "Transfer-Encoding: chunked, gzip\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "chunked and gzip in two lines", OK CHUNKED "Transfer-Encoding: gzip\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "xchunked", OK "Transfer-Encoding: xchunked\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "ccchunked", OK "Transfer-Encoding: ccchunked\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "chunkedx", OK "Transfer-Encoding: chunkedx\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "chunkedchunked", OK "Transfer-Encoding: chunkedchunked\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "x chunked", OK "Transfer-Encoding: x chunked\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "chunk ed", OK "Transfer-Encoding: chunk ed\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "identity", OK "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n^ab$", "200,length=2 idle"),
	V(RESPONSE, "identity in odd case", OK "Content-Length: 2\r\nTransfer-Encoding:IDENTITY \n\n^ab$" OK "\r\n^", "200,length=2 200,close close"),
	V(RESPONSE, "almost identity", OK "Transfer-Encoding: identit\r\nContent-Length: 2\r\n\r\n^ab" OK, "200,close close"),
	V(RESPONSE, "identities", OK "Transfer-Encoding: identityidentity\r\nContent-Length: 2\r\n\r\n^ab", "200,close close"),
	V(RESPONSE, "chunked, identity", OK "Transfer-Encoding: ichunked, identity\r\nContent-Length: 2\r\n\r\n^ab$",
	  "200,length=2 idle"),
	V(RESPONSE, "another coding beats length", OK "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n^ab" OK, "200,close close"),
	V(RESPONSE, "length loses to another coding", OK "Content-Length: 0\r\nTransfer-Encoding: chunked, gzip\r\n\r\n^ab" OK,
	  "200,close close"),
	V(RESPONSE, "another coding, then chunked", OK "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n" CHUNKED
	  "\r\n^0\r\n\r\n$" OK "Content-Length: 1\r\n\r\n^x$", "200,chunked 200,length=1 idle"),
	V(REQUEST, "another coding", POST "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n^ab" FAKE_REQUEST, "close close"),
	V(REQUEST, "another coding without a length", POST "Transfer-Encoding: gzip\r\n\r\n^ab" FAKE_REQUEST, "close close"),
	V(TO_HEAD, "another coding, to HEAD", OK "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n^$", "200,none idle"),
	V(RESPONSE, "no coding", OK "Transfer-Encoding:\r\n\r\n^text", "200,close close"),
	V(RESPONSE, "chunked beats length", OK "Content-Length: 2\r\n" CHUNKED "\r\n^0\r\n\r\n$" OK CHUNKED
	  "Content-Length: 2\r\n\r\n^0\r\n\r\n$", "200,chunked 200,chunked idle"),
	/* until the connection ends */
	V(RESPONSE, "until close", "HTTP/1.0 200 OK\r\nContent-Type: a\r\n\r\n^text" FAKE_RESPONSE X512 X512, "200,close close"),
	V(RESPONSE, "until close, no body yet", OK "\r\n^", "200,close close"),
	/* status lines */
	V(RESPONSE, "no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n^$HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n^$"
	  "HTTP/1.0 599\nContent-Length: 0\n\n^$", "200,none 404,none 599,none idle"),
	V(RESPONSE, "any reason", "HTTP/1.1 200 \xff\x00\tHTTP/1.1 500\r\nContent-Length: 0\r\n\r\n^$", "200,none idle"),
	V(RESPONSE, "informational", "HTTP/1.1 100 Continue\r\n\r\n^$HTTP/1.1 103 Early\r\nLink: a\r\nContent-Length: 5\r\n\r\n^$"
	  OK "Content-Length: 2\r\n\r\n^ab$", "100,none 103,none 200,length=2 idle"),
	V(RESPONSE, "204 and 304", "HTTP/1.1 204 None\r\n\r\n^$HTTP/1.1 304 Same\r\nContent-Length: 500\r\n\r\n^$"
	  "HTTP/1.1 204 None\r\n" CHUNKED "\r\n^$HTTP/1.1 205 Reset\r\nContent-Length: 1\r\n\r\n^x$",
	  "204,none 304,none 204,none 205,length=1 idle"),
	V(TO_HEAD, "to HEAD", OK "Content-Length: 500\r\n\r\n^$" OK CHUNKED "\r\n^$HTTP/1.1 404 None\r\n\r\n^$",
	  "200,none 200,none 404,none idle"),
	V(TO_CONNECT, "to CONNECT", "HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\n^ab$" OK "Content-Length: 2\r\n\r\n^$",
	  "407,length=2 200,none idle"),
	V(TO_CONNECT, "to CONNECT, refused", "HTTP/1.1 502 No\r\n\r\n^text", "502,close close"),
	V(RESPONSE, "status 99", "HTTP/1.1 99 X\r\n\r\n", "bad"),
	V(RESPONSE, "status 099", "HTTP/1.1 099 X\r\n\r\n", "bad"),
	V(RESPONSE, "status 600", "HTTP/1.1 600 X\r\n\r\n", "bad"),
	V(RESPONSE, "status 20x", "HTTP/1.1 20x\r\n\r\n", "bad"),
	V(RESPONSE, "status 2000", "HTTP/1.1 2000 X\r\n\r\n", "bad"),
	V(RESPONSE, "status 200x", "HTTP/1.1 200X\r\n\r\n", "bad"),
	V(RESPONSE, "no status", "HTTP/1.1\r\n\r\n", "bad"),
	V(RESPONSE, "two blanks", "HTTP/1.1  200 OK\r\n\r\n", "bad"),
	V(RESPONSE, "HTTP/2", "HTTP/2 200\r\n\r\n", "bad"),
	V(RESPONSE, "HTTP/2.0", "HTTP/2.0 200\r\n\r\n", "bad"),
	V(RESPONSE, "HTTP/1.2", "HTTP/1.2 200\r\n\r\n", "bad"),
	V(RESPONSE, "lower-case version", "http/1.1 200 OK\r\n\r\n", "bad"),
	V(RESPONSE, "begins with HTTP", "HTTP\x01\x02\x03", "bad"),
	V(RESPONSE, "leading CRLF", "\r\n" OK "\r\n", "bad"),
	V(RESPONSE, "a request", "GET / HTTP/1.1\r\n\r\n", "bad"),
	V(RESPONSE, "ICY", "ICY 200 OK\r\n\r\n", "bad"),
	V(RESPONSE, "TLS alert", "\x15\x03\x03\x00\x02\x02\x28", "bad"),
	V(RESPONSE, "cut in its status", "HTTP/1.1 20", "head"),
	V(RESPONSE, "cut behind its status", "HTTP/1.1 200", "head"),
	V(RESPONSE, "rubbish behind a body", OK "Content-Length: 2\r\n\r\n^ab$cd", "200,length=2 bad"),
	/* lines of a byte or two: most steps a byte */
	V(RESPONSE, "short lines", OK "c\nt\nc\nt\nc\nt\nx\nC\nT\n:\n \n" CHUNKED "\n^0\nc\nx\n\n$", "200,chunked idle"),
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

/* A vector's stream and trace. */
static size_t vector_unfold(const struct vector *vector, char text[TEXT_MAX], char want[FEED_TRACE_BYTES])
{
	const char *word = vector->want;
	size_t bytes = 0, wanted = 0;

	for (size_t i = 0; i < vector->bytes; i++) {
		char c = vector->text[i];
		int word_bytes = strcspn(word, " ");

		/* "$4\r\n" begins a Redis command */
		if (c == '^') {
			wanted += sprintf(want + wanted, "head@%zu=%.*s ", bytes, word_bytes, word);
			word += word_bytes + 1;
		} else if (c == '$' && vector->text[0] != '*') {
			wanted += sprintf(want + wanted, "done@%zu ", bytes);
		} else {
			assert_true(bytes < TEXT_MAX);
			text[bytes++] = c;
		}
	}
	assert_null(strchr(word, ' ')); /* no word is left but that for the end */
	sprintf(want + wanted, "%s", word);
	return bytes;
}

struct unfolded {
	struct feed feed;
	char text[TEXT_MAX];
	char want[FEED_TRACE_BYTES];
};

static void each_vector(void (*check)(struct unfolded *u, const struct vector *vector, size_t bytes))
{
	struct unfolded *u = malloc(sizeof(*u));

	assert_non_null(u);
	feed_open(&u->feed);
	for (size_t i = 0; i < VECTORS; i++)
		check(u, &vectors[i], vector_unfold(&vectors[i], u->text, u->want));
	feed_close(&u->feed);
	free(u);
}

static void check_whole(struct unfolded *u, const struct vector *vector, size_t bytes)
{
	feed_whole(&u->feed, vector->kind, u->text, bytes, u->want, vector->name);
}

static void check_bytes(struct unfolded *u, const struct vector *vector, size_t bytes)
{
	for (size_t i = 0; i < FEED_FILLERS; i++)
		feed_byte_by_byte(&u->feed, vector->kind, u->text, bytes, u->want, vector->name, i);
}

static void check_splits(struct unfolded *u, const struct vector *vector, size_t bytes)
{
	for (size_t cut = 1; cut < bytes; cut++) {
		for (size_t i = 0; i < FEED_FILLERS; i++) {
			feed_start(&u->feed, vector->kind, i, u->text + bytes);
			feed_piece(&u->feed, u->text, cut);
			feed_piece(&u->feed, u->text + cut, bytes - cut);
			feed_expect(&u->feed, u->want, vector->name, "split at", cut);
		}
	}
}

static void check_pieces(struct unfolded *u, const struct vector *vector, size_t bytes)
{
	uint64_t seed = 7;

	for (size_t i = 0; i < 200; i++)
		feed_random_pieces(&u->feed, vector->kind, u->text, bytes, u->want, vector->name, &seed);
}

static void test_framing_of_whole_streams(void **state)
{
	each_vector(check_whole);
}

static void test_framing_byte_by_byte(void **state)
{
	each_vector(check_bytes);
}

static void test_framing_in_any_two_pieces(void **state)
{
	each_vector(check_splits);
}

static void test_framing_in_random_pieces(void **state)
{
	each_vector(check_pieces);
}

/* A head of exactly RQS_HEAD_MAX bytes is the longest; the CRLF or PROXY line before it is part of it. */
static void test_a_head_may_have_64_kib(void **state)
{
	static const char *const starts[] = { "GET / HTTP/1.1\r\nA: ", "\r\nGET / HTTP/1.1\r\nA: ",
					      "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nA: " };
	static char text[RQS_HEAD_MAX + 100];
	struct feed feed;
	uint64_t seed = 3;

	feed_open(&feed);
	for (size_t s = 0; s < 3; s++) {
		for (size_t bytes = RQS_HEAD_MAX - 1; bytes <= RQS_HEAD_MAX + 2; bytes++) {
			bool fits = bytes <= RQS_HEAD_MAX;
			char want[100];

			memset(text, 'v', sizeof(text));
			memcpy(text, starts[s], strlen(starts[s]));
			memcpy(text + bytes - 4, "\r\n\r\n", 4);
			snprintf(want, sizeof(want), fits ? "head@%zu=none done@%zu idle" : "bad", bytes, bytes);
			feed_whole(&feed, REQUEST, text, bytes, want, "long head");
			feed_byte_by_byte(&feed, REQUEST, text, bytes, want, "long head", s);
			for (size_t i = 0; i < 20; i++)
				feed_random_pieces(&feed, REQUEST, text, bytes, want, "long head", &seed);
		}
	}
	feed_close(&feed);
}

static void test_a_head_without_an_end_is_given_up(void **state)
{
	struct feed feed;

	feed_open(&feed);
	feed_start(&feed, RESPONSE, 0, NULL);
	feed_piece(&feed, OK, strlen(OK));
	for (size_t i = 0; i < 2 * RQS_HEAD_MAX / 64 && !feed.stopped; i++)
		feed_piece(&feed, LINE64, 64);
	assert_true(feed.stopped);
	assert_in_range(feed.offset, RQS_HEAD_MAX, RQS_HEAD_MAX + 64);
	feed_expect(&feed, "bad", "endless head", "line by line", 0);
	feed_close(&feed);
}

/* The limit is one head's, not a connection's. */
static void test_a_connection_may_have_any_number_of_heads(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\n" LINE64 "\r\n";
	struct feed feed;

	feed_open(&feed);
	feed_start(&feed, REQUEST, 0, NULL);
	for (uint32_t i = 1; i <= 3 * RQS_HEAD_MAX / 64; i++) {
		feed_piece(&feed, text, sizeof(text) - 1);
		assert_int_equal(feed.heads, i);
		feed.trace_bytes = 0;
	}
	feed_expect(&feed, "idle", "many heads", "one by one", 0);
	feed_close(&feed);
}

/* Whole, all of a request line in one window: it is shown. Cut anywhere: what is shown is right (feed_check_line()). */
static void test_method_and_target_lie_where_they_are(void **state)
{
	static const char text[] = "\r\nPROXY UNKNOWN\r\nGET /first?q=1 HTTP/1.1\r\nHost: t\r\n\r\nM-SEARCH * HTTP/1.1\r\n\r\n"
				   "\nPOST http://t/x HTTP/1.0\r\nContent-Length: 2\r\n\r\nab";
	static const struct feed_line lines[] = { { "GET", "/first?q=1", 10 }, { "M-SEARCH", "*", 1 }, { "POST", "http://t/x", 10 } };
	size_t bytes = sizeof(text) - 1;
	struct feed feed;

	feed_open(&feed);
	feed.lines = lines;
	feed.line_count = 3;
	feed_start(&feed, REQUEST, 0, NULL);
	feed_piece(&feed, text, bytes);
	assert_int_equal(feed.heads, 3);
	assert_int_equal(feed.targets_seen, 3);
	for (size_t cut = 1; cut < bytes; cut++) {
		feed_start(&feed, REQUEST, cut, text + bytes);
		feed_piece(&feed, text, cut);
		feed_piece(&feed, text + cut, bytes - cut);
		assert_int_equal(feed.heads, 3);
		assert_in_range(feed.targets_seen, 2, 3);
	}
	feed_close(&feed);
}

static void test_a_target_across_windows_is_not_shown(void **state)
{
	static const char text[] = "GET /" X512 " HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n";
	static const char target[] = "/" X512;
	static const struct feed_line lines[] = { { "GET", target, sizeof(target) - 1 }, { "GET", "/next", 5 } };
	struct feed feed;

	feed_open(&feed);
	feed.lines = lines;
	feed.line_count = 2;
	feed_start(&feed, REQUEST, 0, NULL);
	feed_piece(&feed, text, sizeof(text) - 1);
	assert_int_equal(feed.heads, 2);
	assert_int_equal(feed.targets_seen, 1);
	feed_close(&feed);
}

static void test_skipping_takes_any_number_of_bytes(void **state)
{
	struct rqs_framing f = { .state = RQS_FRAMING_BODY, .left = 1ULL << 60 };

	assert_true(rqs_framing_skips(f.state));
	rqs_framing_skip(&f, (1ULL << 60) - 1);
	assert_int_equal(f.state, RQS_FRAMING_BODY);
	rqs_framing_skip(&f, 1);
	assert_int_equal(f.state, RQS_FRAMING_DONE);
	f = (struct rqs_framing){ .state = RQS_FRAMING_CHUNK_DATA, .left = 1ULL << 40 };
	assert_true(rqs_framing_skips(f.state));
	rqs_framing_skip(&f, 1ULL << 40);
	assert_int_equal(f.state, RQS_FRAMING_CHUNK_END);
	assert_false(rqs_framing_skips(f.state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing_of_whole_streams),
		cmocka_unit_test(test_framing_byte_by_byte),
		cmocka_unit_test(test_framing_in_any_two_pieces),
		cmocka_unit_test(test_framing_in_random_pieces),
		cmocka_unit_test(test_a_head_may_have_64_kib),
		cmocka_unit_test(test_a_head_without_an_end_is_given_up),
		cmocka_unit_test(test_a_connection_may_have_any_number_of_heads),
		cmocka_unit_test(test_method_and_target_lie_where_they_are),
		cmocka_unit_test(test_a_target_across_windows_is_not_shown),
		cmocka_unit_test(test_skipping_takes_any_number_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
