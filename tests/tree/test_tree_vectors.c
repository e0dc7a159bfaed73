/* SPDX-License-Identifier: ISC */
/* Trees that others have published. */
#include "tests/support/test.h"

#include <jansson.h>

#include "lib/base/sha256.h"
#include "lib/base/text.h"
#include "lib/tree/tree.h"
#include "tests/tree/node_store.h"

static struct tally_hash from_hex(const char *hex)
{
    struct tally_hash hash;
    assert_int_equal(test_unhex(hex, hash.bytes, sizeof hash.bytes), sizeof hash.bytes);
    return hash;
}

static struct tally_hash from_base64(const char *text)
{
    struct tally_hash hash;
    assert_status(tl_hash_parse(tl_bytes_text(text), &hash), TALLY_OK);
    return hash;
}

static void assert_hash(const struct tally_hash *actual, const struct tally_hash *expected)
{
    assert_memory_equal(actual->bytes, expected->bytes, sizeof actual->bytes);
}

static void assert_proof(const struct tl_tree_proof *proof, const char *const *base64, size_t count)
{
    assert_int_equal(proof->count, count);
    for (size_t i = 0; i < count; i++) {
        struct tally_hash expected = from_base64(base64[i]);
        assert_hash(&proof->hashes[i], &expected);
    }
}

/* transparency-dev/merkle rfc6962/rfc6962_test.go */
static void test_hashing(void **state)
{
    (void)state;
    struct tally_hash empty = tl_tree_empty();
    struct tally_hash leaf = tl_tree_leaf(tl_bytes_text("L123456"));
    struct tally_hash empty_leaf = tl_tree_leaf(tl_bytes(NULL, 0));
    struct tally_hash expected =
        from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash(&empty, &expected);
    expected = from_hex("395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
    assert_hash(&leaf, &expected);
    expected = from_hex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_hash(&empty_leaf, &expected);
}

/* transparency-dev/merkle testonly/constants.go */
static const char *const eight_leaves[] = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
};
static const char *const eight_roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static const char *const inclusion_0_8[] = {
    "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=",
    "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
    "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
};
static const char *const consistency_6_8[] = {
    "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
    "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
    "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
};

static void test_eight_leaves(void **state)
{
    (void)state;
    struct node_store store;
    struct tl_tree_proof proof;
    struct tally_hash leaves[8];
    node_store_init(&store, 8);
    for (size_t size = 0; size <= 8; size++) {
        uint8_t entry[16];
        struct tally_hash expected = from_hex(eight_roots[size]);
        struct tally_hash root = tl_tree_edge_root(&store.edge);
        assert_hash(&root, &expected);
        assert_status(tl_tree_root(size, node_store_fetch, &store, &root), TALLY_OK);
        assert_hash(&root, &expected);
        root = tl_tree_root_of(leaves, size);
        assert_hash(&root, &expected);
        if (size < 8) {
            size_t len = test_unhex(eight_leaves[size], entry, sizeof entry);
            leaves[size] = tl_tree_leaf(tl_bytes(entry, len));
            node_store_append(&store, tl_bytes(entry, len));
        }
    }
    assert_status(tl_tree_prove_inclusion(0, 8, node_store_fetch, &store, &proof), TALLY_OK);
    assert_proof(&proof, inclusion_0_8, TEST_COUNT(inclusion_0_8));
    assert_status(tl_tree_prove_inclusion_of(leaves, 8, 0, &proof), TALLY_OK);
    assert_proof(&proof, inclusion_0_8, TEST_COUNT(inclusion_0_8));
    assert_status(tl_tree_prove_consistency(6, 8, node_store_fetch, &store, &proof), TALLY_OK);
    assert_proof(&proof, consistency_6_8, TEST_COUNT(consistency_6_8));
    node_store_deinit(&store);
}

/* transparency-dev/tessera testdata/log */
static const char *const fifteen_entries[] = {
    "one",  "two",  "three", "four",   "five",   "six",      "seven",   "eit",
    "nain", "ten",  "ileven", "twelf", "threeten", "fourten", "fivten",
};
static const char *const fifteen_roots[] = {
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=",
    "T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=", "Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=",
    "zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=", "gy5gl3aksFyiCO95a/1vLXz88A3dRq+0l9Sxte8ZqZQ=",
    "a6sWvsc2eEzmj72vah7mZ5dwFltivehh2b11qwlp5Jg=", "IrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=",
    "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=", "CvhHViE3S9E3htHLR+25mapWoGCJ3WckMq1UtC3VmEY=",
    "y8/gZsZCtitsMan09tY+k8I7Qpr7Y5fbO2tLi9GQnfU=", "Yok1cS5VdokGLBy73BC2I16b3atss6KBN9jnIi6Fz/A=",
    "uZo6M+IhVna+CLgWCrJs0xBPUHbozHkYTQASduHSLME=", "av0kLH0VkkVDrTuZzBGIx7d9z5G1l/GlKz/nAV/8woQ=",
    "SvCd38yNade7xEPY1a/aAc1M3A2AHYVF8lIiUnsH1ao=", "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=",
};
static const char *const consistency_7_15[] = {
    "2Q0P5jSR+TdkwdXWyx+GbBWX0KZbNZkWzCjyTPSozsw=", "ThcgoV2DYcK+VCxBUDWAlNxmLy2r7dq7dK7+OlgQKWs=",
    "ycRkkNklus5eMVRUvkD1pK321vMrA+jjOiZKU8aOcY4=", "zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=",
    "5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=",
};
static const char *const inclusion_7_15[] = {
    "2Q0P5jSR+TdkwdXWyx+GbBWX0KZbNZkWzCjyTPSozsw=", "ycRkkNklus5eMVRUvkD1pK321vMrA+jjOiZKU8aOcY4=",
    "zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=", "5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=",
};

static void test_published_log(void **state)
{
    (void)state;
    struct node_store store;
    struct tl_tree_proof proof;
    node_store_init(&store, 15);
    for (size_t size = 0; size <= 15; size++) {
        struct tally_hash expected = from_base64(fifteen_roots[size]);
        struct tally_hash root = tl_tree_edge_root(&store.edge);
        assert_hash(&root, &expected);
        if (size < 15) {
            node_store_append(&store, tl_bytes_text(fifteen_entries[size]));
        }
    }
    assert_status(tl_tree_prove_inclusion(7, 15, node_store_fetch, &store, &proof), TALLY_OK);
    assert_proof(&proof, inclusion_7_15, TEST_COUNT(inclusion_7_15));
    struct tally_hash leaf = tl_tree_leaf(tl_bytes_text("eit"));
    struct tally_hash root_15 = from_base64(fifteen_roots[15]);
    assert_true(tl_tree_verify_inclusion(&leaf, 7, 15, proof.hashes, proof.count, &root_15));
    assert_status(tl_tree_prove_consistency(7, 15, node_store_fetch, &store, &proof), TALLY_OK);
    assert_proof(&proof, consistency_7_15, TEST_COUNT(consistency_7_15));
    /* Every pair of published roots, with our proof between them. */
    for (size_t old_size = 1; old_size <= 15; old_size++) {
        for (size_t new_size = old_size; new_size <= 15; new_size++) {
            struct tally_hash old_root = from_base64(fifteen_roots[old_size]);
            struct tally_hash new_root = from_base64(fifteen_roots[new_size]);
            assert_status(
                tl_tree_prove_consistency(old_size, new_size, node_store_fetch, &store, &proof),
                TALLY_OK);
            assert_true(tl_tree_verify_consistency(old_size, &old_root, new_size, &new_root,
                                                   proof.hashes, proof.count));
            old_root.bytes[0] ^= 1u;
            assert_false(tl_tree_verify_consistency(old_size, &old_root, new_size, &new_root,
                                                    proof.hashes, proof.count));
        }
    }
    node_store_deinit(&store);
}

static void assert_tile_hash(struct node_store *store, unsigned level, uint64_t n, unsigned width,
                             const char *expected_hex)
{
    struct tl_sha256 sha;
    struct tally_hash expected = from_hex(expected_hex);
    tl_sha256_init(&sha);
    for (unsigned i = 0; i < width; i++) {
        struct tally_hash hash;
        assert_status(node_store_fetch(store, 8 * level, 256 * n + i, &hash), TALLY_OK);
        tl_sha256_update(&sha, tl_hash_bytes(&hash));
    }
    struct tally_hash actual = tl_sha256_final(&sha);
    assert_hash(&actual, &expected);
}

/* "entry %d\n", as accepted by tessera's fsck and by torchwood. */
static void test_seventy_thousand(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        const char *root;
    } roots[] = {
        {5, "yPFA0nVVp4Kn5u40sWJWSMGpIO/IGbB5vSHKLdpohO4="},
        {256, "Tos73taU3PGTY0bFzH/EcSwTM87b2mAnidbjuDw6wgU="},
        {257, "B6224GT6QpIYNkL61R6MCnrGiFzlUMB3yTQ95itXrcA="},
        {70000, "PyRlJHNNTThWh1rCFkBE4adafIct52rP1LJtrAm1vcA="},
    };
    struct node_store store;
    size_t next = 0;
    node_store_init(&store, 70000);
    for (unsigned i = 0; i < 70000; i++) {
        char entry[32];
        int len = snprintf(entry, sizeof entry, "entry %u\n", i);
        node_store_append(&store, tl_bytes(entry, (size_t)len));
        if (store.edge.size == roots[next].size) {
            struct tally_hash root = tl_tree_edge_root(&store.edge);
            struct tally_hash expected = from_base64(roots[next].root);
            assert_hash(&root, &expected);
            next++;
        }
    }
    assert_int_equal(next, TEST_COUNT(roots));
    for (size_t i = 0; i < TEST_COUNT(roots); i++) {
        struct tally_hash root;
        struct tl_tree_edge edge;
        struct tally_hash expected = from_base64(roots[i].root);
        assert_status(tl_tree_root(roots[i].size, node_store_fetch, &store, &root), TALLY_OK);
        assert_hash(&root, &expected);
        assert_status(tl_tree_edge_load(roots[i].size, node_store_fetch, &store, &edge), TALLY_OK);
        root = tl_tree_edge_root(&edge);
        assert_hash(&root, &expected);
        assert_int_equal(edge.size, roots[i].size);
    }
    assert_tile_hash(&store, 0, 0, 256,
                     "f2728f07da41df6e7162e102f024bc7ca9281c63b468971acb9e9990e5062eaa");
    assert_tile_hash(&store, 1, 0, 256,
                     "769433c551f08f713cfd350fc025eedb6cbf832c4cf7fe724d76dffed4c38368");
    struct tally_hash top;
    struct tally_hash expected =
        from_hex("a4a77746eb6491c862514c1037a1a6c56a5acb1cf67222f7a95c516518e8ad3b");
    assert_status(node_store_fetch(&store, 16, 0, &top), TALLY_OK);
    assert_hash(&top, &expected);
    struct tally_hash root_256 = from_base64(roots[1].root);
    assert_status(node_store_fetch(&store, 8, 0, &top), TALLY_OK);
    assert_hash(&top, &root_256);
    node_store_deinit(&store);
}

struct case_proof {
    struct tally_hash hashes[80];
    size_t count;
};

/*
 * Some of the bad vectors have hashes of other lengths, which a struct tally_hash cannot be: filled
 * up with zeros they must still be refused, but for one that compares two of them.
 */
static struct tally_hash padded(const json_t *value, bool *odd)
{
    struct tally_hash hash = {{0}};
    const char *hex = json_string_value(value);
    assert_non_null(hex);
    if (test_unhex(hex, hash.bytes, sizeof hash.bytes) != sizeof hash.bytes) {
        *odd = true;
    }
    return hash;
}

static uint64_t number(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 10);
    assert_int_equal(*end, '\0');
    return value;
}

static void read_proof(const json_t *object, struct case_proof *proof)
{
    const json_t *list = json_object_get(object, "proof");
    bool odd = false;
    proof->count = json_array_size(list);
    assert_true(proof->count <= TEST_COUNT(proof->hashes));
    for (size_t i = 0; i < proof->count; i++) {
        proof->hashes[i] = padded(json_array_get(list, i), &odd);
    }
}

static bool inclusion_verdict(const json_t *object)
{
    struct case_proof proof;
    bool odd_leaf = false;
    bool odd_root = false;
    struct tally_hash leaf = padded(json_object_get(object, "leaf"), &odd_leaf);
    struct tally_hash root = padded(json_object_get(object, "root"), &odd_root);
    read_proof(object, &proof);
    if (odd_leaf && odd_root) {
        assert_string_equal(json_string_value(json_object_get(object, "name")),
                            "single-entry/empty-root-and-leaf");
        return false;
    }
    return tl_tree_verify_inclusion(&leaf, number(object, "index"), number(object, "size"),
                                    proof.hashes, proof.count, &root);
}

static bool consistency_verdict(const json_t *object)
{
    struct case_proof proof;
    bool odd = false;
    struct tally_hash old_root = padded(json_object_get(object, "old_root"), &odd);
    struct tally_hash new_root = padded(json_object_get(object, "new_root"), &odd);
    read_proof(object, &proof);
    return tl_tree_verify_consistency(number(object, "old_size"), &old_root,
                                      number(object, "new_size"), &new_root, proof.hashes,
                                      proof.count);
}

/* Returns how many are good; a wrong verdict names its vector. */
static size_t check_all(const json_t *list, bool (*verdict)(const json_t *object))
{
    size_t good = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);
        const json_t *expected = json_object_get(object, "good");
        assert_true(json_is_boolean(expected));
        if (verdict(object) != json_is_true(expected)) {
            fail_msg("%s", json_string_value(json_object_get(object, "name")));
        }
        good += json_is_true(expected) ? 1 : 0;
    }
    return good;
}

static void test_merkle_vectors(void **state)
{
    (void)state;
    json_error_t error;
    json_t *vectors = json_load_file(TALLY_VECTORS_DIR "/outside/merkle.json", 0, &error);
    assert_non_null(vectors);
    const json_t *inclusion = json_object_get(vectors, "inclusion");
    const json_t *consistency = json_object_get(vectors, "consistency");
    assert_int_equal(json_array_size(inclusion), 98);
    assert_int_equal(json_array_size(consistency), 98);
    assert_int_equal(check_all(inclusion, inclusion_verdict), 6);
    assert_int_equal(check_all(consistency, consistency_verdict), 6);
    json_decref(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashing),          cmocka_unit_test(test_eight_leaves),
        cmocka_unit_test(test_published_log),    cmocka_unit_test(test_seventy_thousand),
        cmocka_unit_test(test_merkle_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
