// SPDX-License-Identifier: ISC

// golang.org/x/mod/sumdb: checkpoint, tiles, inclusion, consistency.

package interop

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestCheckpoint(t *testing.T) {
	eachSize(t, func(t *testing.T, a *archive, size int64) {
		if tree := mustTree(t, a); tree.N != size {
			t.Errorf("the checkpoint says %d", tree.N)
		}
	})
}

// otherVkeys are keys that did not sign: a stranger's of the same name, the right one by another
// name.
func otherVkeys(t *testing.T) []string {
	t.Helper()
	verifier, err := note.NewVerifier(readVkey(t))
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := note.GenerateKey(rand.Reader, verifier.Name())
	if err != nil {
		t.Fatal(err)
	}
	_, renamed, err := note.GenerateKey(rand.Reader, verifier.Name()+"/other")
	if err != nil {
		t.Fatal(err)
	}
	return []string{stranger, renamed}
}

func TestCheckpointRefused(t *testing.T) {
	a := openArchive(t, 257)
	for _, vkey := range otherVkeys(t) {
		_, err := a.tree(vkey)
		mustFail(t, "a checkpoint under "+vkey, err)
	}
	signed, err := a.read("checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.changed(t, "checkpoint", bytes.IndexByte(signed, '\n')+1).tree(readVkey(t))
	mustFail(t, "a checkpoint of another size", err)
	_, err = a.changed(t, "checkpoint", len(signed)-10).tree(readVkey(t))
	mustFail(t, "a changed signature", err)
}

// storedHashes is the tree of some entries as tlog itself keeps it.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(indexes))
	for _, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		hashes = append(hashes, s[index])
	}
	return hashes, nil
}

func hashEntries(entries [][]byte) (storedHashes, error) {
	var stored storedHashes
	for i, entry := range entries {
		more, err := tlog.StoredHashes(int64(i), entry, stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	return stored, nil
}

// checkTiles makes all tiles and the root again from the entries and compares.
func checkTiles(a *archive, tree tlog.Tree) error {
	entries, err := a.entries(tree.N)
	if err != nil {
		return err
	}
	stored, err := hashEntries(entries)
	if err != nil {
		return err
	}
	root, err := tlog.TreeHash(tree.N, stored)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the entries give root %s, the checkpoint says %s", root, tree.Hash)
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, tree.N) {
		want, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return err
		}
		got, err := a.read(tilePath(tile))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s is another tile", tilePath(tile))
		}
	}
	return nil
}

func TestTiles(t *testing.T) {
	eachSize(t, func(t *testing.T, a *archive, _ int64) {
		if err := checkTiles(a, mustTree(t, a)); err != nil {
			t.Error(err)
		}
	})
}

// tlog and this test agree on which tiles there are; a fresh archive has those and no other.
func TestNoOtherTiles(t *testing.T) {
	eachSize(t, func(t *testing.T, a *archive, size int64) {
		found, err := a.files("tile")
		if err != nil {
			t.Fatal(err)
		}
		wanted := map[string]bool{}
		for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
			wanted[tilePath(tile)] = true
		}
		for first := int64(0); first < size; first += tileWidth {
			wanted[bundleOf(first, size)] = true
		}
		for path := range found {
			if !wanted[path] {
				t.Errorf("%s is surplus", path)
			}
		}
		for path := range wanted {
			if !found[path] {
				t.Errorf("%s is missing", path)
			}
		}
	})
}

func TestTilesRefused(t *testing.T) {
	a := openArchive(t, 70000)
	tree := mustTree(t, a)
	paths := []string{
		"tile/0/000", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
		"tile/entries/000", "tile/entries/273.p/112",
	}
	for _, path := range paths {
		mustFail(t, "a changed "+path, checkTiles(a.changed(t, path, 21), tree))
	}
	tree.Hash[31] ^= 1
	mustFail(t, "a wrong root", checkTiles(a, tree))
}

// tileReader hands the archive's tiles to tlog.
type tileReader struct{ a *archive }

func (r tileReader) Height() int {
	return tileHeight
}

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := r.a.read(tilePath(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// checkInclusion proves one record from the tiles, and that it is the entry of that index.
func checkInclusion(a *archive, tree tlog.Tree, index int64) error {
	entry, err := a.entry(index, tree.N)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(tree.N, index, tlog.TileHashReader(tree, tileReader{a}))
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

// sample has the edges of tiles, both ends, and some between.
func sample(size int64) []int64 {
	var found []int64
	for _, index := range receipts {
		if index < size {
			found = append(found, index)
		}
	}
	for step := int64(1); step <= 100 && size > 1000; step++ {
		found = append(found, step*7919%size)
	}
	return append(found, size-1)
}

func TestInclusion(t *testing.T) {
	eachSize(t, func(t *testing.T, a *archive, size int64) {
		tree := mustTree(t, a)
		for _, index := range sample(size) {
			if err := checkInclusion(a, tree, index); err != nil {
				t.Errorf("record %d: %v", index, err)
			}
		}
	})
}

func TestInclusionRefused(t *testing.T) {
	a := openArchive(t, 70000)
	tree := mustTree(t, a)
	const index = 65537
	// The record is the second of bundle and tile 256; tile 1/001 has that tile's hash.
	first, err := a.entry(index-1, tree.N)
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]int{
		"tile/entries/256": len(first) + 4 + 30,
		"tile/0/256":       tlog.HashSize + 30,
		"tile/1/001.p/17":  30,
	}
	for path, offset := range changes {
		mustFail(t, "a changed "+path, checkInclusion(a.changed(t, path, offset), tree, index))
	}
	wrong := tree
	wrong.Hash[0] ^= 1
	mustFail(t, "a wrong root", checkInclusion(a, wrong, index))
	wrong = tree
	wrong.N--
	mustFail(t, "a wrong size", checkInclusion(a, wrong, index))
}

// checkConsistency proves from the newer archive's tiles that it extends the older one.
func checkConsistency(newer *archive, tree, older tlog.Tree) error {
	proof, err := tlog.ProveTree(tree.N, older.N, tlog.TileHashReader(tree, tileReader{newer}))
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
}

func TestConsistency(t *testing.T) {
	eachSize(t, func(t *testing.T, a *archive, size int64) {
		tree := mustTree(t, a)
		for _, earlier := range sizes {
			if earlier > size {
				continue
			}
			older := mustTree(t, openArchive(t, earlier))
			if err := checkConsistency(a, tree, older); err != nil {
				t.Errorf("from %d: %v", earlier, err)
			}
			older.Hash[5] ^= 1
			what := fmt.Sprintf("another root at %d", earlier)
			mustFail(t, what, checkConsistency(a, tree, older))
		}
	})
}

func TestConsistencyRefused(t *testing.T) {
	a := openArchive(t, 70000)
	tree := mustTree(t, a)
	older := mustTree(t, openArchive(t, 257))
	mustFail(t, "a changed tile",
		checkConsistency(a.changed(t, "tile/0/001", 0), tree, older))
	tree.Hash[0] ^= 1
	mustFail(t, "a wrong root", checkConsistency(a, tree, older))
}
