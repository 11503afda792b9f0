package cluster

import (
	"os"
	"strings"
	"testing"
)

func TestOnlyStaticProgramsMakeImages(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("this machine has no shell to take for one that is not static")
	}
	if err := static("/bin/sh"); err == nil || !strings.Contains(err.Error(), "build it with CGO_ENABLED=0") {
		t.Errorf("a shell: %v", err)
	}
	if err := static("go.mod"); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("a text: %v", err)
	}
}
