/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls ask of containerd, by its own services and by those for kubelet, read out of their messages as these come: what
 * decides over the host, and what a person wants to know. A container's specification is JSON within the message, and goes on
 * to whoever reads that. Values of labels, annotations and of the environment, and logins of registries are not kept.
 */
#ifndef CALLERD_CONTAINERD_H
#define CALLERD_CONTAINERD_H

#include "base/text.h"

/* The message that a call begins with. */
enum containerd_message {
	CONTAINERD_NOTHING,
	CONTAINERD_TO_CREATE,	  /* a container of containerd's, or to update it */
	CONTAINERD_TO_RUN,	  /* its task */
	CONTAINERD_TO_EXECUTE,	  /* a process in that */
	CONTAINERD_TO_UPDATE,	  /* its limits */
	CONTAINERD_TO_SANDBOX,	  /* what several containers share */
	CONTAINERD_TO_CONTROL,	  /* the same, by whoever runs it */
	CONTAINERD_TO_APPLY,	  /* an archive to mounts */
	CONTAINERD_TO_COMPARE,	  /* mounts with others */
	CONTAINERD_TO_MOUNT,	  /* in the host's own mount namespace */
	CONTAINERD_OF_NAME,	  /* what it is about is its first field */
	CONTAINERD_ONE_IMAGE,	  /* the same of an image */
	CONTAINERD_OF_IMAGE,	  /* it is a message that begins with an image's name */
	CONTAINERD_TO_TRANSFER,	  /* an image */
	CONTAINERD_FOR_POD,	  /* of Kubernetes' interface, here and below */
	CONTAINERD_FOR_CONTAINER, /* in a pod */
	CONTAINERD_FOR_EXEC,
	CONTAINERD_FOR_CHECKPOINT,
	CONTAINERD_TO_CHECKPOINT, /* a container, by containerd's own service */
	CONTAINERD_MESSAGES,
};

enum containerd_kind {
	CONTAINERD_NONE,
	/* Of these the last one counts. */
	CONTAINERD_ID, /* what the call is about */
	CONTAINERD_IMAGE,
	CONTAINERD_RUNTIME,
	CONTAINERD_RUNTIME_PATH,
	CONTAINERD_OPTIONS, /* the type of the runtime's options */
	CONTAINERD_BINARY,  /* those of runc: the program, that of checkpoints, ... */
	CONTAINERD_CRIU,
	CONTAINERD_RUNTIME_ROOT, /* the directory of its state, ... */
	CONTAINERD_CRIU_IMAGES,	 /* of checkpoints, and where they are worked on */
	CONTAINERD_CRIU_WORK,
	CONTAINERD_OLD_BINARY, /* ... and what containerd before 2.0 takes of it from options of an older type */
	CONTAINERD_OLD_ROOT,
	CONTAINERD_OLD_CRIU,
	CONTAINERD_SPEC, /* the type of the specification */
	CONTAINERD_POD,	 /* that a container is in */
	CONTAINERD_NAME,
	CONTAINERD_HOSTNAME,
	CONTAINERD_DIRECTORY, /* where it works */
	CONTAINERD_LOG_DIRECTORY,
	CONTAINERD_LOG_PATH,
	CONTAINERD_CGROUP_PARENT,
	CONTAINERD_TARGET, /* the container whose processes it shares */
	CONTAINERD_SECCOMP_PATH,
	CONTAINERD_SECCOMP_FILE,
	CONTAINERD_APPARMOR_NAME,
	CONTAINERD_APPARMOR_FILE,
	CONTAINERD_LABEL_TYPE, /* of SELinux */
	CONTAINERD_LOCATION,
	CONTAINERD_SINGLE, /* their number */
	/* Of these there may be many. */
	CONTAINERD_STREAM = CONTAINERD_SINGLE, /* where its input and output go */
	CONTAINERD_LABEL,		       /* its key, here and below */
	CONTAINERD_ANNOTATION,
	CONTAINERD_VARIABLE,
	CONTAINERD_SYSCTL,
	CONTAINERD_COMMAND,
	CONTAINERD_ARGUMENT,
	CONTAINERD_CAPABILITY,
	CONTAINERD_DROPPED, /* a capability */
	CONTAINERD_MASKED,  /* a path */
	CONTAINERD_READ_ONLY,
	CONTAINERD_CDI,	   /* devices by a name */
	CONTAINERD_MOUNT,  /* text: its type */
	CONTAINERD_DEVICE, /* text: how it may be used */
	CONTAINERD_KINDS,
};

struct containerd_item {
	enum containerd_kind kind;
	struct bytes text;
	struct bytes source, target, options; /* of a mount or device */
	bool read_only;
	struct containerd_item *next;
};

/* Said by numbers, of which the last one counts. */
enum containerd_number {
	CONTAINERD_PRIVILEGED,
	CONTAINERD_NETWORK_MODE, /* namespaces: 2 the host's, 3 that of CONTAINERD_TARGET */
	CONTAINERD_PID_MODE,
	CONTAINERD_IPC_MODE,
	CONTAINERD_SECCOMP, /* profiles: 0 the usual one, 1 none, 2 one of the host's files */
	CONTAINERD_SECCOMP_SAID,
	CONTAINERD_APPARMOR,
	CONTAINERD_TTY,
	CONTAINERD_USER,
	CONTAINERD_NUMBERS,
};

struct containerd;

/* Takes the JSON of a specification in pieces, as it comes; BEGINS: it is another one, with this piece, which counts in the
 * place of what came before. */
typedef void (*containerd_taker)(void *data, struct bytes piece, bool begins);

/* NULL where there is no memory, or nothing is wanted of such a message. Free with containerd_free(). */
struct containerd *containerd_new(enum containerd_message message, containerd_taker take,
				  void *data);
void containerd_free(struct containerd *containerd);

/* A piece of the call's messages, each with its prefix, of which the first one is read. */
void containerd_feed(struct containerd *containerd, struct bytes data);

/* Whether the message was there to its end. */
bool containerd_is_complete(const struct containerd *containerd);

/* Why not all of it is known; NULL: it is. */
const char *containerd_trouble(const struct containerd *containerd);

size_t containerd_memory(const struct containerd *containerd);

/* How many specifications came. */
unsigned int containerd_specs(const struct containerd *containerd);

struct bytes containerd_text(const struct containerd *containerd,
			     enum containerd_kind kind); /* of one that is there once */
uint64_t containerd_number(const struct containerd *containerd,
			   enum containerd_number number); /* 0 where it is not said */

/* The first one; follow .next. */
const struct containerd_item *containerd_items(const struct containerd *containerd);

#endif
