package realnode

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
)

func untar(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteImage(t *testing.T) {
	var out, again bytes.Buffer
	for _, w := range []io.Writer{&out, &again} {
		if err := WriteImage(w, Image{Name: "soak.local/app:1", Program: "soak-app", User: "7:7"}, []byte("program")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the same program gives different images")
	}

	files := untar(t, out.Bytes())
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest) != 1 || len(manifest[0].Layers) != 1 || len(manifest[0].RepoTags) != 1 || manifest[0].RepoTags[0] != "soak.local/app:1" {
		t.Fatalf("manifest: %+v", manifest)
	}
	layer := files[manifest[0].Layers[0]]
	if got := string(untar(t, layer)["soak-app"]); got != "program" {
		t.Errorf("the layer has the program %q", got)
	}

	config := files[manifest[0].Config]
	if manifest[0].Config != digest(config)+".json" {
		t.Errorf("the configuration %s has the digest %s", manifest[0].Config, digest(config))
	}
	var parsed struct {
		OS     string
		Config struct {
			Entrypoint []string
			User       string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(config, &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.OS != "linux" || len(parsed.Config.Entrypoint) != 1 || parsed.Config.Entrypoint[0] != "/soak-app" || parsed.Config.User != "7:7" {
		t.Errorf("configuration: %s", config)
	}
	if ids := parsed.RootFS.DiffIDs; len(ids) != 1 || ids[0] != "sha256:"+digest(layer) {
		t.Errorf("layers: %q, want the digest %s", ids, digest(layer))
	}
}
