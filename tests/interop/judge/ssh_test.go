// SPDX-License-Identifier: ISC

// ssh-keygen: signatures of members are ordinary SSH signatures.

package interop

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const namespace = "entry@tally"

// enrolled is what the constitution says of one key.
type enrolled struct {
	member string
	text   string // TYPE BASE64
}

// constitution reads the keys off the operations of charter and amendments, by fingerprint.
func constitution(t *testing.T, records []*record) map[string]enrolled {
	t.Helper()
	keys := map[string]enrolled{}
	for _, r := range records {
		for _, operation := range r.operations() {
			words := strings.Fields(operation)
			var key enrolled
			switch words[0] {
			case "key", "enrol":
				key = enrolled{words[1], words[3] + " " + words[4]}
			case "host-key":
				key = enrolled{"host", words[1] + " " + words[2]}
			default:
				continue
			}
			blob, err := base64.StdEncoding.DecodeString(strings.Fields(key.text)[1])
			if err != nil {
				t.Fatal(err)
			}
			keys[fingerprint(blob)] = key
		}
	}
	return keys
}

// signerOf is the fingerprint of the key inside an SSHSIG blob.
func signerOf(blob []byte) (string, error) {
	const keyAt = 6 + 4
	if len(blob) < keyAt+4 || !bytes.HasPrefix(blob, []byte("SSHSIG")) {
		return "", fmt.Errorf("no SSHSIG: %q", blob)
	}
	end := keyAt + 4 + int(binary.BigEndian.Uint32(blob[keyAt:]))
	if len(blob) < end {
		return "", fmt.Errorf("an SSHSIG that ends early: %q", blob)
	}
	return fingerprint(blob[keyAt+4 : end]), nil
}

// verifier runs ssh-keygen in one directory with one allowed_signers file.
type verifier struct {
	dir  string
	keys map[string]enrolled
}

func newVerifier(t *testing.T, keys map[string]enrolled) *verifier {
	t.Helper()
	v := &verifier{dir: t.TempDir(), keys: keys}
	var allowed bytes.Buffer
	for _, key := range keys {
		fmt.Fprintf(&allowed, "%s %s\n", key.member, key.text)
	}
	v.write(t, "allowed_signers", allowed.Bytes())
	return v
}

func (v *verifier) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(v.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (v *verifier) verify(t *testing.T, namespace, member string, blob, message []byte) error {
	t.Helper()
	armored := pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: blob})
	command := exec.Command("ssh-keygen", "-Y", "verify", "-n", namespace, "-I", member,
		"-f", filepath.Join(v.dir, "allowed_signers"), "-s", v.write(t, "signature", armored))
	command.Stdin = bytes.NewReader(message)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("ssh-keygen: %w: %s", err, output)
	}
	return nil
}

func parseAll(t *testing.T, a *archive, indexes []int64, size int64) []*record {
	t.Helper()
	var records []*record
	for _, index := range indexes {
		entry, err := a.entry(index, size)
		if err != nil {
			t.Fatal(err)
		}
		r, err := parseRecord(entry)
		if err != nil {
			t.Fatalf("record %d: %v", index, err)
		}
		records = append(records, r)
	}
	return records
}

// verifySignatures checks the author's signature and those of the countersigners.
func (v *verifier) verifySignatures(t *testing.T, r *record) {
	t.Helper()
	for i, blob := range r.signatures {
		signer, err := signerOf(blob)
		if err != nil {
			t.Fatal(err)
		}
		member := v.keys[signer].member
		if i == 0 {
			member = r.fields["member"]
			if signer != r.fields["key"] {
				t.Errorf("the first signature is by %s: %q", signer, r.envelope)
			}
		}
		if err := v.verify(t, namespace, member, blob, r.envelope); err != nil {
			t.Errorf("%v: %q", err, r.envelope)
		}
	}
}

// All records of a small archive; of the large ones some.
func TestSignatures(t *testing.T) {
	small := openArchive(t, 255)
	var all []int64
	for index := range int64(255) {
		all = append(all, index)
	}
	records := parseAll(t, small, all, 255)
	v := newVerifier(t, constitution(t, records))
	seen := map[string]int{}
	for _, r := range records {
		v.verifySignatures(t, r)
		seen[r.fields["tally/v1"]]++
	}
	t.Logf("%v", seen)
	for _, entryType := range []string{"charter", "amendment", "finding", "corroboration"} {
		if seen[entryType] == 0 {
			t.Errorf("no %s among the records", entryType)
		}
	}
	for _, size := range sizes {
		a := openArchive(t, size)
		for _, r := range parseAll(t, a, []int64{size / 2, size - 1}, size) {
			v.verifySignatures(t, r)
		}
	}
}

func TestSignaturesRefused(t *testing.T) {
	const size = 255
	a := openArchive(t, size)
	records := parseAll(t, a, []int64{0, 1, 2}, size)
	v := newVerifier(t, constitution(t, records))
	r := records[1]
	member, blob := r.fields["member"], r.signatures[0]
	if err := v.verify(t, namespace, member, blob, r.envelope); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, len(r.envelope) / 2, len(r.envelope) - 1} {
		changed := bytes.Clone(r.envelope)
		changed[at] ^= 1
		mustFail(t, fmt.Sprintf("an envelope changed at %d", at),
			v.verify(t, namespace, member, blob, changed))
	}
	changed := bytes.Clone(blob)
	changed[len(changed)-30] ^= 1
	mustFail(t, "a changed signature", v.verify(t, namespace, member, changed, r.envelope))
	mustFail(t, "another member", v.verify(t, namespace, "m0", blob, r.envelope))
	mustFail(t, "another namespace", v.verify(t, "file", member, blob, r.envelope))
	mustFail(t, "the signature of another record",
		v.verify(t, namespace, member, blob, records[2].envelope))
}
