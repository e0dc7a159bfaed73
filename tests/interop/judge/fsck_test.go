// SPDX-License-Identifier: ISC

// transparency-dev/tessera: its fsck, over files and over HTTP.

package interop

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// leafHashes is what the fsck program itself does with a bundle.
func leafHashes(bundle []byte) ([][]byte, error) {
	var parsed api.EntryBundle
	if err := parsed.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range parsed.Entries {
		hash := tlog.RecordHash(entry)
		hashes = append(hashes, hash[:])
	}
	return hashes, nil
}

// check runs fsck with several workers: with one it waits for ever behind a tile that differs.
func check(t *testing.T, fetcher fsck.Fetcher, vkey string) error {
	t.Helper()
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	f := fsck.New(verifier.Name(), verifier, fetcher, leafHashes, fsck.Opts{N: 4})
	done := make(chan error, 1)
	go func() { done <- f.Check(t.Context()) }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Minute):
		t.Fatal("fsck does not end")
		return context.DeadlineExceeded
	}
}

// serve is a web server on the loopback address with the archive's files.
func serve(t *testing.T, a *archive) fsck.Fetcher {
	t.Helper()
	handler := func(w http.ResponseWriter, r *http.Request) {
		data, err := a.read(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}
	server := httptest.NewServer(http.HandlerFunc(handler))
	t.Cleanup(server.Close)
	root, err := url.Parse(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	fetcher, err := client.NewHTTPFetcher(root, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return fetcher
}

func TestFsckFiles(t *testing.T) {
	eachSize(t, func(t *testing.T, a *archive, _ int64) {
		if err := check(t, client.FileFetcher{Root: a.dir}, readVkey(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestFsckServed(t *testing.T) {
	eachSize(t, func(t *testing.T, a *archive, _ int64) {
		if err := check(t, serve(t, a), readVkey(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestFsckRefused(t *testing.T) {
	a := openArchive(t, 257)
	paths := []string{
		"tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000",
		"tile/entries/001.p/1",
	}
	for _, path := range paths {
		changed := serve(t, a.changed(t, path, 21))
		mustFail(t, "a changed "+path, check(t, changed, readVkey(t)))
	}
	for _, vkey := range otherVkeys(t) {
		mustFail(t, "an archive under "+vkey, check(t, serve(t, a), vkey))
	}
}

// A host that signs a wrong root: by a key of the test, over the right tiles.
func TestFsckRefusesWrongRoot(t *testing.T) {
	a := openArchive(t, 257)
	tree := mustTree(t, a)
	secret, vkey, err := note.GenerateKey(rand.Reader, "ledger.example/interop")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(root tlog.Hash) *archive {
		text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), tree.N, root)
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return a.with("checkpoint", signed)
	}
	if err := check(t, serve(t, sign(tree.Hash)), vkey); err != nil {
		t.Fatal(err)
	}
	root := tree.Hash
	root[0] ^= 1
	mustFail(t, "a wrong root", check(t, serve(t, sign(root)), vkey))
}
