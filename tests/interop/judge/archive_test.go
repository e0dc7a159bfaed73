// SPDX-License-Identifier: ISC

// Package interop lets programs that know nothing of Tally judge what Tally makes: the archives,
// receipts and signatures that make_archive.c writes below TALLY_INTEROP_DIR.
package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The same two lists as in make_archive.c.
var sizes = []int64{1, 255, 256, 257, 65536, 70000}
var receipts = []int64{
	0, 1, 100, 101, 102, 103, 254, 255, 256, 257, 258, 1256, 1257, 40000, 65279, 65280, 65535,
	65536, 65537, 69887, 69888, 69999,
}

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

func workDirectory(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TALLY_INTEROP_DIR")
	if dir == "" {
		t.Fatal("TALLY_INTEROP_DIR is not set; ctest -L interop runs this")
	}
	return dir
}

func readVkey(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(workDirectory(t), "vkey"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// archive is one published archive, some of whose files may be replaced by others.
type archive struct {
	dir      string
	replaced map[string][]byte
}

func openArchive(t *testing.T, size int64) *archive {
	t.Helper()
	return &archive{dir: filepath.Join(workDirectory(t), strconv.FormatInt(size, 10))}
}

func (a *archive) read(path string) ([]byte, error) {
	if data, ok := a.replaced[path]; ok {
		return data, nil
	}
	return os.ReadFile(filepath.Join(a.dir, filepath.FromSlash(path)))
}

// changed is the same archive with one bit of one file changed.
func (a *archive) changed(t *testing.T, path string, offset int) *archive {
	t.Helper()
	data, err := a.read(path)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Clone(data)
	data[offset] ^= 1
	return a.with(path, data)
}

// with is the same archive with other bytes in one file.
func (a *archive) with(path string, data []byte) *archive {
	return &archive{dir: a.dir, replaced: map[string][]byte{path: data}}
}

// openNote verifies a signed checkpoint by one key and takes the tree out of it.
func openNote(signed []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	return parseTree(opened.Text, verifier.Name())
}

func parseTree(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not three lines from %q on: %q", origin, text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func (a *archive) tree(vkey string) (tlog.Tree, error) {
	signed, err := a.read("checkpoint")
	if err != nil {
		return tlog.Tree{}, err
	}
	return openNote(signed, vkey)
}

func mustTree(t *testing.T, a *archive) tlog.Tree {
	t.Helper()
	tree, err := a.tree(readVkey(t))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// resourcePath spells a tile's number and width as tlog-tiles does, which is not as in sumdb.
func resourcePath(prefix string, number int64, width int) string {
	spelled := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		spelled = fmt.Sprintf("x%03d/%s", number%1000, spelled)
	}
	if width != tileWidth {
		spelled = fmt.Sprintf("%s.p/%d", spelled, width)
	}
	return prefix + "/" + spelled
}

func tilePath(tile tlog.Tile) string {
	return resourcePath(fmt.Sprintf("tile/%d", tile.L), tile.N, tile.W)
}

// bundleOf is the path of the entries around one index in an archive of that size.
func bundleOf(index, size int64) string {
	number := index / tileWidth
	return resourcePath("tile/entries", number, int(min(size-number*tileWidth, tileWidth)))
}

// entriesOf splits a bundle.
func entriesOf(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 {
			return nil, errors.New("a bundle ends inside a length")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < end {
			return nil, errors.New("a bundle ends inside an entry")
		}
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries, nil
}

// entries reads all records in order.
func (a *archive) entries(size int64) ([][]byte, error) {
	var all [][]byte
	for first := int64(0); first < size; first += tileWidth {
		path := bundleOf(first, size)
		bundle, err := a.read(path)
		if err != nil {
			return nil, err
		}
		entries, err := entriesOf(bundle)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if int64(len(entries)) != min(size-first, tileWidth) {
			return nil, fmt.Errorf("%s holds %d entries", path, len(entries))
		}
		all = append(all, entries...)
	}
	return all, nil
}

func (a *archive) entry(index, size int64) ([]byte, error) {
	path := bundleOf(index, size)
	bundle, err := a.read(path)
	if err != nil {
		return nil, err
	}
	entries, err := entriesOf(bundle)
	if err != nil {
		return nil, err
	}
	if int64(len(entries)) <= index%tileWidth {
		return nil, fmt.Errorf("%s holds %d entries", path, len(entries))
	}
	return entries[index%tileWidth], nil
}

// files lists what lies below one directory of the archive.
func (a *archive) files(below string) (map[string]bool, error) {
	found := map[string]bool{}
	err := fs.WalkDir(os.DirFS(a.dir), below, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found[path] = true
		}
		return err
	})
	return found, err
}

// record is what this test needs of one: envelope, its fields, and raw signature blobs.
type record struct {
	envelope   []byte
	fields     map[string]string
	signatures [][]byte
}

// parseRecord reads docs/formats.md, "Record".
func parseRecord(entry []byte) (*record, error) {
	const envelopeAt = 1 + 8 + 8 + 32 + 8
	if len(entry) < envelopeAt+2 || entry[0] != 1 {
		return nil, errors.New("no record of version 1")
	}
	rest := entry[envelopeAt:]
	take := func() []byte {
		if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
			rest = nil
			return nil
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		taken := rest[2:end]
		rest = rest[end:]
		return taken
	}
	r := &record{envelope: take(), fields: map[string]string{}}
	if len(rest) == 0 {
		return nil, errors.New("a record without signatures")
	}
	count := int(rest[0])
	rest = rest[1:]
	for range count {
		r.signatures = append(r.signatures, take())
	}
	if rest == nil || len(rest) != 0 || count == 0 {
		return nil, errors.New("a record of another length")
	}
	for line := range strings.Lines(string(r.envelope)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if _, ok := r.fields[name]; !ok {
			r.fields[name] = value
		}
	}
	return r, nil
}

// operations are the values of the op lines.
func (r *record) operations() []string {
	var found []string
	for line := range strings.Lines(string(r.envelope)) {
		if operation, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "op "); ok {
			found = append(found, operation)
		}
	}
	return found
}

func fingerprint(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func mustFail(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s was accepted", what)
	}
}

func eachSize(t *testing.T, test func(t *testing.T, a *archive, size int64)) {
	for _, size := range sizes {
		t.Run(strconv.FormatInt(size, 10), func(t *testing.T) {
			test(t, openArchive(t, size), size)
		})
	}
}
