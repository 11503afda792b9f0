package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// hashLength is how much of a hash is put into names, in hexadecimal digits: enough for a thousand names, not for a
// secret.
const hashLength = 10

// nameLimit is how long the names of our objects may be, so that each fits into a label.
const nameLimit = validation.LabelValueMaxLength

// shorten cuts a name that is longer than the limit, and ends it in a hash of the whole name so that different names
// stay different.
func shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	return withHash(name, shortHash(name), limit)
}

// withHash ends a name in a hash, and cuts the name so that both fit.
func withHash(name, hash string, limit int) string {
	if room := limit - len(hash) - 1; len(name) > room {
		name = name[:room]
	}
	return strings.TrimRight(name, "-._") + "-" + hash
}

// shortHash of several words. Where one ends and the next begins makes a difference.
func shortHash(words ...string) string {
	return hash(words...)[:hashLength]
}

func hash(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return hex.EncodeToString(sum[:])
}

// LabelValue makes a name fit into the value of a label, and two different names never the same value.
func LabelValue(name string) string {
	if len(validation.IsValidLabelValue(name)) == 0 {
		return name
	}
	return hash(name)[:32]
}

// atoi reads a number from a label; 0 if it is none.
func atoi(text string) int {
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return int(number)
}
