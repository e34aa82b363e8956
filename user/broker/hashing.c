// SPDX-License-Identifier: Apache-2.0
#include "broker/hashing.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptor.h"

#define READ_AT_ONCE (256u << 10)

CLEANUP_DEFINE(hashing_drop, EVP_MD_CTX *, EVP_MD_CTX_free)

static int check_executable(int fd, struct stat *ret)
{
	if (fstat(fd, ret))
		return -errno;
	if (!S_ISREG(ret->st_mode) || !(ret->st_mode & 0111))
		return -EACCES;
	return ret->st_size <= 0 ? -ENODATA : ret->st_size > BROKER_DIGEST_MAX ? -EFBIG : 0;
}

static bool is_unchanged(const struct stat *before, const struct stat *after)
{
	return before->st_size == after->st_size &&
	       before->st_ctim.tv_sec == after->st_ctim.tv_sec &&
	       before->st_ctim.tv_nsec == after->st_ctim.tv_nsec;
}

/* Reads FILE to its end, which stands at SIZE. 0 or -errno. */
static int hash_content(int file, off_t size, unsigned char ret[BROKER_DIGEST_SIZE])
{
	_cleanup_(hashing_drop) EVP_MD_CTX *hash = EVP_MD_CTX_new();
	_free_ char *buffer = malloc(READ_AT_ONCE);
	ssize_t got = 1;

	if (!hash || !buffer || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	while (got > 0 && size >= 0) {
		got = read(file, buffer, READ_AT_ONCE);
		if (got < 0)
			return -errno;
		size -= got;
		if (EVP_DigestUpdate(hash, buffer, (size_t)got) != 1)
			return -ENOMEM;
	}
	if (size)
		return -ESTALE;
	return EVP_DigestFinal_ex(hash, ret, NULL) == 1 ? 0 : -ENOMEM;
}

int hashing_file(int fd, struct broker_digest *ret)
{
	char link[DESCRIPTOR_PATH_SIZE];
	_close_ int file = -1;
	struct stat before, after;
	int error = check_executable(fd, &before);

	if (error)
		return error;
	descriptor_path(fd, link);
	file = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file < 0)
		return -errno;
	error = hash_content(file, before.st_size, ret->digest);
	if (error)
		return error;
	if (fstat(file, &after))
		return -errno;
	ret->size = (uint64_t)before.st_size;
	ret->changed = before.st_ctim;
	return is_unchanged(&before, &after) ? 0 : -ESTALE;
}
