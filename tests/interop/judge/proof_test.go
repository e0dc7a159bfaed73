// SPDX-License-Identifier: ISC

// filippo.io/torchwood: receipts are tlog-proof files.

package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func readReceipt(t *testing.T, index int64) []byte {
	t.Helper()
	name := fmt.Sprintf("%d.tlog-proof", index)
	receipt, err := os.ReadFile(filepath.Join(workDirectory(t), "receipts", name))
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func logPolicy(t *testing.T, vkey string) torchwood.Policy {
	t.Helper()
	policy, err := torchwood.ParsePolicy([]byte("log " + vkey + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// recordOf cuts the record, without its seal, out of a receipt.
func recordOf(t *testing.T, receipt []byte) []byte {
	t.Helper()
	extra, err := torchwood.ProofExtraData(receipt)
	if err != nil {
		t.Fatal(err)
	}
	const sealLen = 64
	if len(extra) <= sealLen {
		t.Fatalf("extra has %d bytes", len(extra))
	}
	return extra[:len(extra)-sealLen]
}

func TestReceipts(t *testing.T) {
	policy := logPolicy(t, readVkey(t))
	newest := sizes[len(sizes)-1]
	a := openArchive(t, newest)
	for _, index := range receipts {
		receipt := readReceipt(t, index)
		entry := recordOf(t, receipt)
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), receipt); err != nil {
			t.Errorf("receipt of %d: %v", index, err)
		}
		archived, err := a.entry(index, newest)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(archived, entry) {
			t.Errorf("the archive has another record %d", index)
		}
	}
}

func TestReceiptsRefused(t *testing.T) {
	const index = 257
	policy := logPolicy(t, readVkey(t))
	receipt := readReceipt(t, index)
	leaf := tlog.RecordHash(recordOf(t, receipt))
	if err := torchwood.VerifyProof(policy, leaf, receipt); err != nil {
		t.Fatal(err)
	}
	for _, vkey := range otherVkeys(t) {
		mustFail(t, "a receipt under "+vkey,
			torchwood.VerifyProof(logPolicy(t, vkey), leaf, receipt))
	}
	other := tlog.RecordHash(recordOf(t, readReceipt(t, index+1)))
	mustFail(t, "the receipt of another record", torchwood.VerifyProof(policy, other, receipt))

	replace := func(old, changed string) []byte {
		if bytes.Count(receipt, []byte(old)) != 1 {
			t.Fatalf("%q is not once in the receipt", old)
		}
		return bytes.Replace(receipt, []byte(old), []byte(changed), 1)
	}
	mustFail(t, "another index",
		torchwood.VerifyProof(policy, leaf, replace("\nindex 257\n", "\nindex 258\n")))
	mustFail(t, "another form",
		torchwood.VerifyProof(policy, leaf, replace("tlog-proof@v1\n", "tlog-proof@v2\n")))
	start := bytes.Index(receipt, []byte("\nindex 257\n")) + len("\nindex 257\n")
	changed := bytes.Clone(receipt)
	changed[start] ^= 1 // still base64, another hash
	mustFail(t, "another hash in the proof", torchwood.VerifyProof(policy, leaf, changed))
}
