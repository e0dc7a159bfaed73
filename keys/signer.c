/* SPDX-License-Identifier: ISC */
#include "keys/signer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "keys/agent.h"
#include "keys/private_file.h"
#include "keys/sshsig.h"
#include "lib/base/mem.h"

#define FIND_TIMEOUT_MS 10000u
#define SIGN_TIMEOUT_MS 120000u /* a person may have to look for the token, and touch it */
#define SIGNED_BYTES_MAX 512u

struct tl_signer {
    struct tl_public_key key;
    struct tl_secret_key *secret; /* NULL: the agent signs */
    char *agent_socket;
};

static enum tally_status copy_socket_path(const char *agent_socket, char **ret_copy)
{
    const char *path = agent_socket != NULL ? agent_socket : getenv("SSH_AUTH_SOCK");
    if (path == NULL || path[0] == '\0') {
        return TALLY_EAGENT;
    }
    size_t len = strlen(path) + 1;
    char *copy = tl_alloc(len);
    if (copy == NULL) {
        return TALLY_ENOMEM;
    }
    memcpy(copy, path, len);
    *ret_copy = copy;
    return TALLY_OK;
}

/* The key is known; finds the agent that holds its private half. */
static enum tally_status ask_agent(struct tl_signer *signer, const char *agent_socket)
{
    enum tally_status status = copy_socket_path(agent_socket, &signer->agent_socket);
    if (status != TALLY_OK) {
        return status;
    }
    return tl_agent_find(signer->agent_socket, FIND_TIMEOUT_MS, &signer->key);
}

static enum tally_status open_private(struct tl_signer *signer, struct tally_bytes text,
                                      const char *agent_socket)
{
    enum tally_status status = tl_secret_key_from_openssh(text, &signer->secret);
    if (status == TALLY_OK) {
        tl_public_key_from_point(tl_secret_key_public(signer->secret), &signer->key);
        return TALLY_OK;
    }
    if (status != TALLY_EENCRYPTED && status != TALLY_EUNSUPPORTED) {
        return status;
    }
    /* A passphrase is the agent's business, and so is a token, whose file is only a handle. */
    if (tl_private_file_public(text, &signer->key) != TALLY_OK) {
        return status;
    }
    enum tally_status asked = ask_agent(signer, agent_socket);
    return asked == TALLY_EAGENT && status == TALLY_EENCRYPTED ? TALLY_EENCRYPTED : asked;
}

static enum tally_status open_file(struct tl_signer *signer, const struct tl_key_file *file,
                                   const char *agent_socket)
{
    struct tally_bytes text = tl_key_file_bytes(file);
    if (tl_is_private_file(text)) {
        return file->open_to_others ? TALLY_EACCES : open_private(signer, text, agent_socket);
    }
    enum tally_status status = tl_public_key_from_file(text, &signer->key, NULL);
    return status == TALLY_OK ? ask_agent(signer, agent_socket) : status;
}

enum tally_status tl_signer_open(const char *path, const char *agent_socket,
                                 struct tl_signer **ret_signer)
{
    struct tl_key_file file;
    enum tally_status status = tl_key_file_read(path, &file);
    if (status != TALLY_OK) {
        return status;
    }
    struct tl_signer *signer = tl_calloc(1, sizeof *signer);
    status = signer == NULL ? TALLY_ENOMEM : open_file(signer, &file, agent_socket);
    tl_key_file_close(&file);
    if (status != TALLY_OK) {
        tl_signer_close(signer);
        return status;
    }
    *ret_signer = signer;
    return TALLY_OK;
}

void tl_signer_close(struct tl_signer *signer)
{
    if (signer != NULL) {
        tl_secret_key_free(&signer->secret);
        tl_free(signer->agent_socket);
        tl_free(signer);
    }
}

const struct tl_public_key *tl_signer_key(const struct tl_signer *signer)
{
    return &signer->key;
}

bool tl_signer_uses_agent(const struct tl_signer *signer)
{
    return signer->secret == NULL;
}

static enum tally_status make_signature(const struct tl_signer *signer, struct tally_bytes message,
                                        const char *name_space, struct tl_sshsig *sig)
{
    struct tl_buffer bytes;
    tl_buffer_init(&bytes, SIGNED_BYTES_MAX);
    tl_sshsig_signed_bytes(message, name_space, &bytes);
    enum tally_status status = bytes.status;
    if (status == TALLY_OK && signer->secret != NULL) {
        tl_secret_key_sign(signer->secret, tl_buffer_bytes(&bytes), sig->signature);
    } else if (status == TALLY_OK) {
        status = tl_agent_sign(signer->agent_socket, SIGN_TIMEOUT_MS, tl_buffer_bytes(&bytes), sig);
    }
    tl_buffer_deinit(&bytes);
    return status;
}

enum tally_status tl_signer_sign(struct tl_signer *signer, struct tally_bytes message,
                                 const char *name_space, struct tl_buffer *blob)
{
    struct tl_sshsig sig = {.key = signer->key};
    enum tally_status status = make_signature(signer, message, name_space, &sig);
    if (status != TALLY_OK) {
        return status;
    }
    if (tl_sshsig_verify(&sig, message, name_space) != TALLY_REASON_NONE) {
        return TALLY_ESIGNATURE;
    }
    tl_sshsig_encode(&sig, name_space, blob);
    return blob->status;
}
