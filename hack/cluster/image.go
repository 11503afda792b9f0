package cluster

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/saltside/soak-operator/hack/cluster/internal/realnode"
)

// nonRoot is the user that images of distroless bases have for whoever must not be root.
const nonRoot = "65532:65532"

// GiveImage makes an image of a static executable, which is all there is in it, and gives it to the real nodes of the
// cluster. Its pods do not run as root. Simulated nodes need none.
func (c *Cluster) GiveImage(ctx context.Context, program, image string) error {
	if c.borrowed {
		return fmt.Errorf("give image %s: %w", image, ErrBorrowed)
	}
	nodes, err := c.realNodes(ctx)
	if err != nil {
		return err
	}
	if err := static(program); err != nil {
		return fmt.Errorf("make image %s: %w", image, err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("make image %s: %w", image, err)
	}
	file, err := os.CreateTemp("", "image-*.tar")
	if err != nil {
		return fmt.Errorf("make image %s: %w", image, err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // in the folder for what may be left
	defer file.Close()           //nolint:errcheck // it is read by then, or there is another error
	if err := realnode.WriteImage(file, realnode.Image{Name: image, Program: filepath.Base(program), User: nonRoot}, content); err != nil {
		return err
	}
	for _, node := range nodes {
		if err := node.Import(ctx, file.Name()); err != nil {
			return err
		}
	}
	return nil
}

// static returns an error for an executable that needs a loader or libraries, which would not be in the image.
func static(program string) error {
	file, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	defer file.Close() //nolint:errcheck // opened for reading only
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s is not static: build it with CGO_ENABLED=0", program)
	}
	return nil
}
