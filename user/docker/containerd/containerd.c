// SPDX-License-Identifier: Apache-2.0
#include "docker/containerd/containerd.h"

#include <stdlib.h>

#include "http/grpc_message.h"

#define ITEMS_MAX 128	  /* of a kind */
#define VALUE_MAX 4096	  /* bytes of a text */
#define OPTIONS_MAX 16384 /* of all options of a mount: an overlay has its layers there */

/* Fields are told by an id: that of a kind, and behind those these. */
enum containerd_id {
	ID_PART = CONTAINERD_KINDS, /* of a message that says nothing by itself */
	ID_SPEC_JSON,
	ID_SOURCE,
	ID_TARGET,
	ID_OPTION,
	ID_READ_ONLY,
	ID_PERMISSIONS,
	ID_NUMBERS, /* and those of numbers behind it */
};

/* --- the messages, as the proto files of containerd have them, up to 2.2, and of CRI, up to 1.35 -- */

typedef const struct protobuf_field fields[];

static fields key = {{1, CONTAINERD_NONE}, {0}};
static fields label_key = {{1, CONTAINERD_LABEL}, {0}},
	      annotation_key = {{1, CONTAINERD_ANNOTATION}, {0}},
	      variable_key = {{1, CONTAINERD_VARIABLE}, {0}},
	      sysctl_key = {{1, CONTAINERD_SYSCTL}, {0}};

static fields mount = {{1, CONTAINERD_MOUNT},
		       {2, ID_SOURCE},
		       {3, ID_TARGET},
		       {4, ID_OPTION, .is_stream = true},
		       {0}};
static fields spec_any = {{1, CONTAINERD_SPEC}, {2, ID_SPEC_JSON, .is_stream = true}, {0}};
/* containerd.runc.v1.Options, and of containerd before 2.0 containerd.linux.runc.RuncOptions. */
static fields runtime_options = {
	{1, CONTAINERD_OLD_BINARY},   {2, CONTAINERD_OLD_ROOT},	    {3, CONTAINERD_OLD_CRIU},
	{6, CONTAINERD_BINARY},	      {7, CONTAINERD_RUNTIME_ROOT}, {8, CONTAINERD_CRIU},
	{10, CONTAINERD_CRIU_IMAGES}, {11, CONTAINERD_CRIU_WORK},   {0}};
static fields options_any = {{1, CONTAINERD_OPTIONS}, {2, ID_PART, runtime_options}, {0}};
static fields runtime = {{1, CONTAINERD_RUNTIME}, {2, ID_PART, options_any}, {0}};

static fields container = {{1, CONTAINERD_ID},
			   {2, ID_PART, label_key},
			   {3, CONTAINERD_IMAGE},
			   {4, ID_PART, runtime},
			   {5, ID_PART, spec_any},
			   {11, CONTAINERD_POD},
			   {0}};
static fields create = {{1, ID_PART, container}, {0}};
static fields run = {{1, CONTAINERD_ID},
		     {3, CONTAINERD_MOUNT, mount},
		     {4, CONTAINERD_STREAM},
		     {5, CONTAINERD_STREAM},
		     {6, CONTAINERD_STREAM},
		     {7, ID_NUMBERS + CONTAINERD_TTY, .is_number = true},
		     {9, ID_PART, options_any},
		     {10, CONTAINERD_RUNTIME_PATH},
		     {0}};
static fields execute = {{1, CONTAINERD_ID},
			 {2, CONTAINERD_STREAM},
			 {3, CONTAINERD_STREAM},
			 {4, CONTAINERD_STREAM},
			 {5, ID_NUMBERS + CONTAINERD_TTY, .is_number = true},
			 {6, ID_PART, spec_any},
			 {7, CONTAINERD_NAME},
			 {0}};
/* containerd.runc.v1.CheckpointOptions; an older type has the same two the other way round. */
static fields checkpoint_options = {{8, CONTAINERD_LOCATION}, {9, CONTAINERD_CRIU_WORK}, {0}};
static fields checkpoint_any = {{2, ID_PART, checkpoint_options}, {0}};
static fields checkpoint = {{1, CONTAINERD_ID}, {3, ID_PART, checkpoint_any}, {0}};
static fields update = {{1, CONTAINERD_ID}, {2, ID_PART, spec_any}, {0}};
static fields sandbox = {{1, CONTAINERD_ID},
			 {2, ID_PART, runtime},
			 {3, ID_PART, spec_any},
			 {4, ID_PART, label_key},
			 {0}};
static fields sandbox_create = {{1, ID_PART, sandbox}, {0}};
static fields sandbox_control = {
	{1, CONTAINERD_ID}, {2, CONTAINERD_MOUNT, mount}, {6, ID_PART, sandbox}, {0}};
static fields apply = {{2, CONTAINERD_MOUNT, mount}, {0}};
static fields compare = {{1, CONTAINERD_MOUNT, mount}, {2, CONTAINERD_MOUNT, mount}, {0}};
static fields activate = {{1, CONTAINERD_NAME}, {2, CONTAINERD_MOUNT, mount}, {0}};
static fields name = {{1, CONTAINERD_ID}, {0}};
static fields image = {{1, CONTAINERD_IMAGE}, {0}};
static fields of_image = {{1, ID_PART, image}, {0}};
/* A registry and the store of images both begin with the image's name; the store, where it goes to, comes last. */
static fields image_any = {{2, ID_PART, image}, {0}};
static fields transfer = {{1, ID_PART, image_any}, {2, ID_PART, image_any}, {0}};

static fields cri_namespaces = {{1, ID_NUMBERS + CONTAINERD_NETWORK_MODE, .is_number = true},
				{2, ID_NUMBERS + CONTAINERD_PID_MODE, .is_number = true},
				{3, ID_NUMBERS + CONTAINERD_IPC_MODE, .is_number = true},
				{4, CONTAINERD_TARGET},
				{0}};
static fields cri_seccomp = {
	{1, ID_NUMBERS + CONTAINERD_SECCOMP, .is_number = true}, {2, CONTAINERD_SECCOMP_FILE}, {0}};
static fields cri_apparmor = {{1, ID_NUMBERS + CONTAINERD_APPARMOR, .is_number = true},
			      {2, CONTAINERD_APPARMOR_FILE},
			      {0}};
static fields cri_selinux = {{3, CONTAINERD_LABEL_TYPE}, {0}};
static fields cri_user = {{1, ID_NUMBERS + CONTAINERD_USER, .is_number = true}, {0}};
static fields cri_metadata = {{1, CONTAINERD_NAME}, {0}};

static fields pod_security = {
	{1, ID_PART, cri_namespaces}, {2, ID_PART, cri_selinux},
	{3, ID_PART, cri_user},	      {6, ID_NUMBERS + CONTAINERD_PRIVILEGED, .is_number = true},
	{7, CONTAINERD_SECCOMP_PATH}, {9, ID_NUMBERS + CONTAINERD_SECCOMP_SAID, cri_seccomp},
	{10, ID_PART, cri_apparmor},  {0}};
static fields pod_linux = {
	{1, CONTAINERD_CGROUP_PARENT}, {2, ID_PART, pod_security}, {3, ID_PART, sysctl_key}, {0}};
static fields pod = {{1, ID_PART, cri_metadata},
		     {2, CONTAINERD_HOSTNAME},
		     {3, CONTAINERD_LOG_DIRECTORY},
		     {6, ID_PART, label_key},
		     {7, ID_PART, annotation_key},
		     {8, ID_PART, pod_linux},
		     {0}};
static fields pod_create = {{1, ID_PART, pod}, {2, CONTAINERD_RUNTIME}, {0}};

static fields cri_mount = {
	{1, ID_TARGET}, {2, ID_SOURCE}, {3, ID_READ_ONLY, .is_number = true}, {0}};
static fields cri_device = {{1, ID_TARGET}, {2, ID_SOURCE}, {3, CONTAINERD_DEVICE}, {0}};
static fields cri_capabilities = {
	{1, CONTAINERD_CAPABILITY}, {2, CONTAINERD_DROPPED}, {3, CONTAINERD_CAPABILITY}, {0}};
static fields cri_security = {
	{1, ID_PART, cri_capabilities}, {2, ID_NUMBERS + CONTAINERD_PRIVILEGED, .is_number = true},
	{3, ID_PART, cri_namespaces},	{4, ID_PART, cri_selinux},
	{5, ID_PART, cri_user},		{9, CONTAINERD_APPARMOR_NAME},
	{10, CONTAINERD_SECCOMP_PATH},	{13, CONTAINERD_MASKED},
	{14, CONTAINERD_READ_ONLY},	{15, ID_NUMBERS + CONTAINERD_SECCOMP_SAID, cri_seccomp},
	{16, ID_PART, cri_apparmor},	{0}};
static fields cri_linux = {{2, ID_PART, cri_security}, {0}};
static fields cri_config = {{1, ID_PART, cri_metadata},
			    {2, ID_PART, image},
			    {3, CONTAINERD_COMMAND},
			    {4, CONTAINERD_ARGUMENT},
			    {5, CONTAINERD_DIRECTORY},
			    {6, ID_PART, variable_key},
			    {7, CONTAINERD_MOUNT, cri_mount},
			    {8, CONTAINERD_DEVICE, cri_device},
			    {9, ID_PART, label_key},
			    {10, ID_PART, annotation_key},
			    {11, CONTAINERD_LOG_PATH},
			    {14, ID_NUMBERS + CONTAINERD_TTY, .is_number = true},
			    {15, ID_PART, cri_linux},
			    {17, ID_PART, (fields){{1, CONTAINERD_CDI}, {0}}},
			    {0}};
static fields pod_of_container = {{3, CONTAINERD_LOG_DIRECTORY}, {0}};
static fields cri_create = {
	{1, CONTAINERD_POD}, {2, ID_PART, cri_config}, {3, ID_PART, pod_of_container}, {0}};
static fields cri_exec = {{1, CONTAINERD_ID},
			  {2, CONTAINERD_ARGUMENT},
			  {3, ID_NUMBERS + CONTAINERD_TTY, .is_number = true},
			  {0}};
static fields cri_checkpoint = {{1, CONTAINERD_ID}, {2, CONTAINERD_LOCATION}, {0}};

static const struct protobuf_field *const messages[] = {
	[CONTAINERD_NOTHING] = key,
	[CONTAINERD_TO_CREATE] = create,
	[CONTAINERD_TO_RUN] = run,
	[CONTAINERD_TO_EXECUTE] = execute,
	[CONTAINERD_TO_UPDATE] = update,
	[CONTAINERD_TO_SANDBOX] = sandbox_create,
	[CONTAINERD_TO_CONTROL] = sandbox_control,
	[CONTAINERD_TO_APPLY] = apply,
	[CONTAINERD_TO_COMPARE] = compare,
	[CONTAINERD_TO_MOUNT] = activate,
	[CONTAINERD_OF_NAME] = name,
	[CONTAINERD_ONE_IMAGE] = image,
	[CONTAINERD_OF_IMAGE] = of_image,
	[CONTAINERD_TO_TRANSFER] = transfer,
	[CONTAINERD_FOR_POD] = pod_create,
	[CONTAINERD_FOR_CONTAINER] = cri_create,
	[CONTAINERD_FOR_EXEC] = cri_exec,
	[CONTAINERD_FOR_CHECKPOINT] = cri_checkpoint,
	[CONTAINERD_TO_CHECKPOINT] = checkpoint,
};
static_assert(COUNT(messages) == CONTAINERD_MESSAGES, "each has its fields");

/* --- what is kept --------------------------------------------------------------------------------- */

struct containerd {
	struct grpc_message message;
	containerd_taker take;
	void *data; /* its */
	unsigned int specs;
	bool fresh; /* nothing of the specification at hand was handed on yet */
	struct bytes single[CONTAINERD_SINGLE];
	uint64_t numbers[CONTAINERD_NUMBERS];
	struct containerd_item *first, **end;
	unsigned int counts[CONTAINERD_KINDS];
	struct containerd_item
		*item; /* the mount or device at hand; NULL: there is none, or no room */
	size_t options_size;
	char options[OPTIONS_MAX]; /* its */
};

/* Of what only tells, and does not decide, a part is enough. */
static bool is_story(enum containerd_kind kind)
{
	return kind == CONTAINERD_LABEL || kind == CONTAINERD_VARIABLE ||
	       kind == CONTAINERD_COMMAND || kind == CONTAINERD_ARGUMENT ||
	       kind == CONTAINERD_DROPPED || kind == CONTAINERD_MASKED ||
	       kind == CONTAINERD_READ_ONLY;
}

static struct bytes containerd_keep(struct containerd *containerd, struct bytes text,
				    enum containerd_kind kind)
{
	struct bytes kept;

	if (!grpc_message_keep(&containerd->message, text, &kept))
		containerd->message.cut |= !is_story(kind);
	return kept;
}

/* NULL: there is no room. */
static struct containerd_item *containerd_add(struct containerd *containerd,
					      enum containerd_kind kind, struct bytes text)
{
	struct containerd_item *item;

	if (containerd->counts[kind] == ITEMS_MAX) {
		containerd->message.cut |= !is_story(kind);
		return NULL;
	}
	item = pool_take(&containerd->message.pool, sizeof(*item));
	if (!item)
		return NULL;
	containerd->counts[kind]++;
	item->kind = kind;
	item->text = containerd_keep(containerd, text, kind);
	*containerd->end = item;
	containerd->end = &item->next;
	return item;
}

static void begin_item(struct containerd *containerd, enum containerd_kind kind)
{
	containerd->item = containerd_add(containerd, kind, (struct bytes){0});
	containerd->options_size = 0;
}

static void end_item(struct containerd *containerd)
{
	if (containerd->item)
		containerd->item->options = containerd_keep(
			containerd, (struct bytes){containerd->options, containerd->options_size},
			CONTAINERD_MOUNT);
	containerd->item = NULL;
}

static void add_option(struct containerd *containerd, struct bytes piece)
{
	size_t room = OPTIONS_MAX - containerd->options_size;

	containerd->message.cut |= piece.size > room;
	if (piece.size > room)
		piece.size = room;
	if (piece.size)
		memcpy(containerd->options + containerd->options_size, piece.data, piece.size);
	containerd->options_size += piece.size;
}

static void containerd_on_message(void *data, int id, bool ended)
{
	struct containerd *containerd = data;

	if (id == ID_SPEC_JSON && !ended) {
		containerd->specs++;
		containerd->fresh = true;
	} else if (id == ID_SPEC_JSON && containerd->fresh) {
		containerd->take(containerd->data, (struct bytes){0}, true); /* an empty one */
	} else if (id >= ID_NUMBERS) {
		containerd->numbers[id - ID_NUMBERS] = 1;
	} else if (id == ID_OPTION && !ended && containerd->options_size) {
		add_option(containerd, bytes_of(","));
	} else if (id == CONTAINERD_MOUNT || id == CONTAINERD_DEVICE) {
		if (ended)
			end_item(containerd);
		else
			begin_item(containerd, id);
	}
}

static void containerd_on_piece(void *data, int id, struct bytes piece)
{
	struct containerd *containerd = data;

	if (id == ID_OPTION) {
		add_option(containerd, piece);
		return;
	}
	containerd->take(containerd->data, piece, containerd->fresh);
	containerd->fresh = false;
}

static void containerd_on_text(void *data, int id, struct bytes text, bool cut)
{
	struct containerd *containerd = data;

	containerd->message.cut |= cut && !is_story(id);
	if (id == CONTAINERD_MOUNT || id == CONTAINERD_DEVICE || id == ID_SOURCE ||
	    id == ID_TARGET) {
		if (!containerd->item)
			return;
		text = containerd_keep(containerd, text, CONTAINERD_MOUNT);
		if (id == ID_SOURCE)
			containerd->item->source = text;
		else if (id == ID_TARGET)
			containerd->item->target = text;
		else
			containerd->item->text = text;
	} else if (id < CONTAINERD_SINGLE) {
		containerd->single[id] = containerd_keep(containerd, text, id);
	} else if (id < CONTAINERD_KINDS && text.size) {
		containerd_add(containerd, id, text);
	}
}

/* Go takes the lower 32 bits of a number that is one of an enumeration, and all of others. */
static bool is_enumeration(enum containerd_number number)
{
	return number == CONTAINERD_NETWORK_MODE || number == CONTAINERD_PID_MODE ||
	       number == CONTAINERD_IPC_MODE || number == CONTAINERD_SECCOMP ||
	       number == CONTAINERD_APPARMOR;
}

static void containerd_on_number(void *data, int id, uint64_t number)
{
	struct containerd *containerd = data;

	if (id >= ID_NUMBERS && is_enumeration(id - ID_NUMBERS))
		number = (uint32_t)number;
	if (id == ID_READ_ONLY && containerd->item)
		containerd->item->read_only = number;
	else if (id >= ID_NUMBERS)
		containerd->numbers[id - ID_NUMBERS] = number;
}

/* --- all of it ------------------------------------------------------------------------------------ */

struct containerd *containerd_new(enum containerd_message message, containerd_taker take,
				  void *data)
{
	struct containerd *containerd;

	assert(message < CONTAINERD_MESSAGES);
	if (message == CONTAINERD_NOTHING)
		return NULL;
	containerd = calloc(1, sizeof(*containerd));
	if (!containerd)
		return NULL;
	containerd->end = &containerd->first;
	containerd->take = take;
	containerd->data = data;
	grpc_message_begin(&containerd->message, messages[message],
			   (struct protobuf_user){
				   .data = containerd,
				   .message = containerd_on_message,
				   .text = containerd_on_text,
				   .piece = containerd_on_piece,
				   .number = containerd_on_number,
			   });
	return containerd;
}

void containerd_free(struct containerd *containerd)
{
	if (!containerd)
		return;
	grpc_message_free(&containerd->message);
	explicit_bzero(containerd, sizeof(*containerd));
	free(containerd);
}

void containerd_feed(struct containerd *containerd, struct bytes data)
{
	grpc_message_feed(&containerd->message, data);
}

bool containerd_is_complete(const struct containerd *containerd)
{
	return grpc_message_is_complete(&containerd->message);
}

const char *containerd_trouble(const struct containerd *containerd)
{
	return grpc_message_trouble(&containerd->message);
}

size_t containerd_memory(const struct containerd *containerd)
{
	return sizeof(*containerd) + 2 * containerd->message.kept;
}

unsigned int containerd_specs(const struct containerd *containerd)
{
	return containerd->specs;
}

struct bytes containerd_text(const struct containerd *containerd, enum containerd_kind kind)
{
	assert(kind < CONTAINERD_SINGLE);
	return containerd->single[kind];
}

uint64_t containerd_number(const struct containerd *containerd, enum containerd_number number)
{
	assert(number < CONTAINERD_NUMBERS);
	return containerd->numbers[number];
}

const struct containerd_item *containerd_items(const struct containerd *containerd)
{
	return containerd->first;
}
