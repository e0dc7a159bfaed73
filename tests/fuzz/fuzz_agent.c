/* SPDX-License-Identifier: ISC */
/*
 * Target: keys/agent.c, what ssh-agent answers, over a real socket and from memory. However the
 * stream is cut, the outcome is the same, and that of the bytes alone; a signature that was taken
 * is encoded to the same answer, and a key is found where a well-formed list holds it.
 */
#include <string.h>

#include "keys/agent.h"
#include "tests/fuzz/answer.h"
#include "tests/fuzz/fuzz.h"

enum { FIND, SIGN, LIST, VERBS };

enum {
    IDENTITIES_ANSWER = 12,
    SIGN_RESPONSE = 14,
};

static struct tl_public_key key_of(bool is_hardware)
{
    struct tl_public_key key;
    struct tl_buffer blob;
    uint8_t point[32];
    memset(point, 7, sizeof point);
    tl_public_key_from_point(point, &key);
    if (!is_hardware) {
        return key;
    }
    tl_buffer_init(&blob, TL_KEY_BLOB_MAX);
    tl_buffer_add_u32(&blob, 26);
    tl_buffer_add_text(&blob, tl_key_type_name(TL_KEY_SK_ED25519));
    tl_buffer_add_u32(&blob, sizeof point);
    tl_buffer_add(&blob, tl_bytes(point, sizeof point));
    tl_buffer_add_u32(&blob, 4);
    tl_buffer_add_text(&blob, "ssh:");
    FUZZ_REQUIRE(tl_public_key_from_blob(tl_buffer_bytes(&blob), &key) == TALLY_OK);
    tl_buffer_deinit(&blob);
    return key;
}

static void encode_signature(const struct tl_sshsig *sig, struct tl_buffer *buffer)
{
    const char *name = tl_key_type_name(sig->key.type);
    bool is_hardware = sig->key.type == TL_KEY_SK_ED25519;
    size_t len = 8 + strlen(name) + sizeof sig->signature + (is_hardware ? 5 : 0);
    tl_buffer_add_u8(buffer, SIGN_RESPONSE);
    tl_buffer_add_u32(buffer, (uint32_t)len);
    tl_buffer_add_u32(buffer, (uint32_t)strlen(name));
    tl_buffer_add_text(buffer, name);
    tl_buffer_add_u32(buffer, sizeof sig->signature);
    tl_buffer_add(buffer, tl_bytes(sig->signature, sizeof sig->signature));
    if (is_hardware) {
        tl_buffer_add_u8(buffer, sig->flags);
        tl_buffer_add_u32(buffer, sig->counter);
    }
}

static enum tally_status read_reply(unsigned verb, struct tally_bytes reply,
                                    const struct tl_public_key *key)
{
    struct tl_sshsig sig = {.key = *key};
    struct tl_buffer again;
    if (verb == FIND) {
        return tl_agent_read_identities(reply, key);
    }
    enum tally_status status = tl_agent_read_signature(reply, &sig);
    if (status == TALLY_OK) {
        tl_buffer_init(&again, TL_SSHSIG_BLOB_MAX * 2);
        encode_signature(&sig, &again);
        fuzz_require_same(&again, reply);
    }
    return status;
}

static enum tally_status ask(unsigned verb, const struct tl_public_key *key, size_t cut,
                             struct tally_bytes script)
{
    struct tl_sshsig sig = {.key = *key};
    answer_begin(script, cut, true);
    enum tally_status status = verb == FIND
                                   ? tl_agent_find(answer_socket(), 0, key)
                                   : tl_agent_sign(answer_socket(), 0, tl_bytes_text("x"), &sig);
    answer_end();
    return status;
}

/* One answer in a frame that fits it, and the same without the socket. */
static void exchange(unsigned verb, const struct tl_public_key *key, size_t cut,
                     struct tally_bytes reply)
{
    struct tl_buffer script;
    tl_buffer_init(&script, reply.len + 8);
    tl_buffer_add_u16(&script, (uint16_t)(reply.len + 4));
    tl_buffer_add_u32(&script, (uint32_t)reply.len);
    tl_buffer_add(&script, reply);
    enum tally_status status = read_reply(verb, reply, key);
    FUZZ_REQUIRE(ask(verb, key, cut, tl_buffer_bytes(&script)) == status);
    tl_buffer_deinit(&script);
}

/* A list of whatever keys, ours among them. */
static void list(const struct tl_public_key *key, struct tally_bytes blobs)
{
    struct tl_reader reader = tl_reader_over(blobs);
    struct tl_buffer keys;
    struct tl_buffer reply;
    uint32_t count = 1;
    tl_buffer_init(&keys, TL_AGENT_FRAME_MAX);
    tl_buffer_init(&reply, TL_AGENT_FRAME_MAX);
    tl_buffer_add_u32(&keys, (uint32_t)key->blob_len);
    tl_buffer_add(&keys, tl_public_key_blob(key));
    tl_buffer_add_u32(&keys, 0); /* comment */
    while (reader.rest.len > 1 && count < TL_AGENT_KEYS_MAX) {
        struct tally_bytes blob = fuzz_take(&reader);
        tl_buffer_add_u32(&keys, (uint32_t)blob.len);
        tl_buffer_add(&keys, blob);
        tl_buffer_add_u32(&keys, 0);
        count++;
    }
    tl_buffer_add_u8(&reply, IDENTITIES_ANSWER);
    tl_buffer_add_u32(&reply, count);
    tl_buffer_add(&reply, tl_buffer_bytes(&keys));
    FUZZ_REQUIRE(reply.status == TALLY_OK);
    FUZZ_REQUIRE(tl_agent_read_identities(tl_buffer_bytes(&reply), key) == TALLY_OK);
    tl_buffer_deinit(&keys);
    tl_buffer_deinit(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 32768) {
        return 0;
    }
    fuzz_start();
    struct tl_public_key key = key_of((data[0] & 0x80u) != 0);
    bool is_framed = (data[0] & 0x40u) != 0;
    unsigned verb = (data[0] & 0x3fu) % VERBS;
    size_t cut = data[1] + 1u;
    struct tally_bytes rest = tl_bytes(data + 2, size - 2);
    if (verb == LIST) {
        list(&key, rest);
    } else if (is_framed) {
        exchange(verb, &key, cut, rest);
    } else {
        FUZZ_REQUIRE(ask(verb, &key, cut, rest) == ask(verb, &key, size, rest));
    }
    return 0;
}
