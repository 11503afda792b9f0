package realnode

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The images that every real node has.
const (
	// PauseImage holds the namespaces of a pod.
	PauseImage = "soak.local/pause:1"
	// AppImage is the test program soak-app, for the pods of test charts.
	AppImage = "soak.local/app:1"
)

// Image is one static executable with nothing around it but a /tmp.
type Image struct {
	// Name with its tag, as pods refer to it.
	Name string
	// Program is the name of the executable, which is the image's entry point.
	Program string
	// User that it runs as, by number; root unless said.
	User string
}

var images = []Image{{Name: PauseImage, Program: "pause"}, {Name: AppImage, Program: "soak-app"}}

func (c Config) imageFile(image Image) string { return c.path("images", image.Program+".tar") }

func writeImages(config Config) error {
	for _, image := range images {
		program, err := os.ReadFile(filepath.Join(config.Programs, image.Program))
		if err != nil {
			return fmt.Errorf("make image %s: %w", image.Name, err)
		}
		out, err := os.Create(config.imageFile(image))
		if err != nil {
			return fmt.Errorf("make image %s: %w", image.Name, err)
		}
		if err := WriteImage(out, image, program); err != nil {
			_ = out.Close() // the first error says more
			return err
		}
		if err := out.Close(); err != nil {
			return fmt.Errorf("make image %s: %w", image.Name, err)
		}
	}
	return nil
}

// WriteImage writes an archive as docker save does, which [Node.Import] reads: a manifest, a configuration and one layer.
// The same program gives the same bytes.
func WriteImage(out io.Writer, image Image, program []byte) error {
	layer, err := archive([]entry{
		{name: image.Program, mode: 0o755, content: program},
		{name: "tmp/", mode: 0o1777},
	})
	if err != nil {
		return fmt.Errorf("make image %s: %w", image.Name, err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/" + image.Program}, "WorkingDir": "/", "User": image.User},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return fmt.Errorf("make image %s: %w", image.Name, err)
	}
	configName, layerName := digest(config)+".json", digest(layer)+".tar"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{image.Name}, "Layers": []string{layerName},
	}})
	if err != nil {
		return fmt.Errorf("make image %s: %w", image.Name, err)
	}
	content, err := archive([]entry{
		{name: "manifest.json", mode: 0o644, content: manifest},
		{name: configName, mode: 0o644, content: config},
		{name: layerName, mode: 0o644, content: layer},
	})
	if err == nil {
		_, err = out.Write(content)
	}
	if err != nil {
		return fmt.Errorf("make image %s: %w", image.Name, err)
	}
	return nil
}

// entry is one in an archive; a folder's name ends with a slash.
type entry struct {
	name    string
	mode    int64
	content []byte
}

func archive(entries []entry) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if strings.HasSuffix(e.name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
