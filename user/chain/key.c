// SPDX-License-Identifier: Apache-2.0
#include "chain/key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"

CLEANUP_DEFINE(drop_key, EVP_PKEY *, EVP_PKEY_free) /* which wipes it */
CLEANUP_DEFINE(drop_digest, EVP_MD_CTX *, EVP_MD_CTX_free)

/* Sets a seal's key apart from whatever else somebody may hash; its NUL counts. */
static const char evolution[] = "callerd seal key";

/* Drops libcrypto's record of a failure: a TLS sink of this thread must not take it for its own. */
static int key_result(bool good)
{
	if (good)
		return 0;
	ERR_clear_error();
	return -ENOTSUP;
}

/* Looked up once: by name it costs as much as to hash a kilobyte. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void key_fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

int key_hash(struct bytes bytes, unsigned char ret[CHAIN_HASH_SIZE])
{
	pthread_once(&once, key_fetch);
	return key_result(sha256 &&
			  EVP_Digest(bytes.data, bytes.size, ret, NULL, sha256, NULL) == 1);
}

int key_random(unsigned char ret[CHAIN_KEY_SIZE])
{
	return key_result(RAND_priv_bytes(ret, CHAIN_KEY_SIZE) == 1);
}

static EVP_PKEY *private_key(const unsigned char seed[CHAIN_KEY_SIZE])
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, CHAIN_KEY_SIZE);
}

int key_public(const unsigned char seed[CHAIN_KEY_SIZE], unsigned char ret[CHAIN_KEY_SIZE])
{
	_cleanup_(drop_key) EVP_PKEY *key = private_key(seed);
	size_t size = CHAIN_KEY_SIZE;

	return key_result(key && EVP_PKEY_get_raw_public_key(key, ret, &size) == 1 &&
			  size == CHAIN_KEY_SIZE);
}

int key_sign(const unsigned char seed[CHAIN_KEY_SIZE], struct bytes bytes,
	     unsigned char ret[KEY_SIGNATURE_SIZE])
{
	_cleanup_(drop_key) EVP_PKEY *key = private_key(seed);
	_cleanup_(drop_digest) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = KEY_SIGNATURE_SIZE;

	return key_result(key && context &&
			  EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
			  EVP_DigestSign(context, ret, &size, (const unsigned char *)bytes.data,
					 bytes.size) == 1 &&
			  size == KEY_SIGNATURE_SIZE);
}

int key_evolve(unsigned char seed[CHAIN_KEY_SIZE])
{
	char input[sizeof(evolution) + CHAIN_KEY_SIZE];
	int error;

	memcpy(input, evolution, sizeof(evolution));
	memcpy(input + sizeof(evolution), seed, CHAIN_KEY_SIZE);
	error = key_hash((struct bytes){input, sizeof(input)}, seed);
	explicit_bzero(input, sizeof(input));
	return error;
}

bool key_signed(const unsigned char key[CHAIN_KEY_SIZE], struct bytes bytes,
		const unsigned char signature[KEY_SIGNATURE_SIZE])
{
	_cleanup_(drop_key) EVP_PKEY *public =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, CHAIN_KEY_SIZE);
	_cleanup_(drop_digest) EVP_MD_CTX *context = EVP_MD_CTX_new();

	return !key_result(public && context &&
			   EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
			   EVP_DigestVerify(context, signature, KEY_SIGNATURE_SIZE,
					    (const unsigned char *)bytes.data, bytes.size) == 1);
}

char *key_put_hex(char *at, const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		*at++ = "0123456789abcdef"[data[i] >> 4];
		*at++ = "0123456789abcdef"[data[i] & 15];
	}
	return at;
}

/* The value of a lower-case digit, and one more; 0: it is none. */
static const unsigned char key_digits[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool key_get_hex(const char *at, unsigned char *ret, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned int high = key_digits[(unsigned char)at[2 * i]];
		unsigned int low = key_digits[(unsigned char)at[2 * i + 1]];

		if (!high || !low)
			return false;
		ret[i] = (unsigned char)((high - 1) << 4 | (low - 1));
	}
	return true;
}
