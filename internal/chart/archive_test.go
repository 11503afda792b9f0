package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
)

const chartYAML = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"

// file of an archive. It is a plain one unless it says otherwise.
type file struct {
	name, content, link string
	kind                byte
	zeros               int64 // instead of a content
}

// archived packs files as helm package does.
func archived(t testing.TB, files ...file) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Linkname: f.link, Typeflag: f.kind, Mode: 0o600, Size: max(int64(len(f.content)), f.zeros)}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		content := io.Reader(strings.NewReader(f.content))
		if f.zeros > 0 {
			content = io.LimitReader(zeros{}, f.zeros)
		}
		if _, err := io.Copy(archive, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

type zeros struct{}

func (zeros) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

// shop is a chart with some more files.
func shop(t testing.TB, files ...file) []byte {
	t.Helper()
	return archived(t, append([]file{{name: "shop/Chart.yaml", content: chartYAML}}, files...)...)
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	inner := archived(t, file{name: "inner/Chart.yaml", content: "apiVersion: v2\nname: inner\nversion: 1.0.0\n"}, file{name: "inner/values.yaml", content: "a: 1"})
	source := packed{place: "here", content: shop(t,
		file{name: "shop/", kind: tar.TypeDir},
		file{name: "shop/values.yaml", content: "replicas: 2"},
		file{name: "shop/charts/inner.tgz", content: string(inner)},
		file{name: "shop/charts/_hidden.tgz", content: "no archive"},
		file{name: `shop\templates\web.yaml`, content: "a: b"},
	)}
	parsed, size, err := unpack(source)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Name() != "shop" || len(parsed.Templates) != 1 || len(parsed.Dependencies()) != 1 || parsed.Dependencies()[0].Values["a"] != 1. {
		t.Errorf("chart is %+v", parsed)
	}
	if least := int64(len(inner)) + 7*headerSize; size < least || size > least+4096 {
		t.Errorf("it is said to unpack to %d", size)
	}
}

func TestWhatIsNoChart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content []byte
		message string
	}{
		"nothing":           {content: nil, message: "it is no archive as helm package makes it: EOF"},
		"text":              {content: []byte(chartYAML), message: "it is no archive as helm package makes it: gzip: invalid header"},
		"half of it":        {content: shop(t, file{name: "shop/random", content: "Alea iacta est"})[:100], message: "unexpected EOF"},
		"no Chart.yaml":     {content: archived(t, file{name: "shop/values.yaml", content: "a: 1"}), message: "Chart.yaml file is missing"},
		"an empty archive":  {content: archived(t), message: "no files in chart archive"},
		"no version":        {content: archived(t, file{name: "shop/Chart.yaml", content: "apiVersion: v2\nname: shop\n"}), message: "chart.metadata.version is required"},
		"no folder":         {content: archived(t, file{name: "Chart.yaml", content: chartYAML}), message: "outside the base directory"},
		"a symbolic link":   {content: shop(t, file{name: "shop/values.yaml", link: "/etc/passwd", kind: tar.TypeSymlink}), message: "shop/values.yaml is a link or a device"},
		"a hard link":       {content: shop(t, file{name: "shop/values.yaml", link: "shop/Chart.yaml", kind: tar.TypeLink}), message: "is a link or a device"},
		"a device":          {content: shop(t, file{name: "shop/values.yaml", kind: tar.TypeChar}), message: "is a link or a device"},
		"an absolute path":  {content: shop(t, file{name: "/etc/passwd", content: "x"}), message: "the path of /etc/passwd leads out of the chart"},
		"one inside":        {content: shop(t, file{name: "shop//etc/passwd", content: "x"}), message: "absolute paths"},
		"a way up":          {content: shop(t, file{name: "../passwd", content: "x"}), message: "the path of ../passwd leads out of the chart"},
		"a way up, inside":  {content: shop(t, file{name: "shop/../../passwd", content: "x"}), message: "leads out of the chart"},
		"to its own folder": {content: shop(t, file{name: "shop/../passwd", content: "x"}), message: "parent directory"},
		"a way up in Windows": {content: shop(t, file{name: `shop\..\..\passwd`, content: "x"}),
			message: "leads out of the chart"},
		"broken values":       {content: shop(t, file{name: "shop/values.yaml", content: "a: b: c"}), message: "cannot load values.yaml"},
		"a broken dependency": {content: shop(t, file{name: "shop/charts/inner.tgz", content: "x"}), message: "shop/charts/inner.tgz: it is no archive"},
		"a link in a dependency": {
			content: shop(t, file{name: "shop/charts/inner.tgz", content: string(shop(t, file{name: "shop/x", link: "y", kind: tar.TypeSymlink}))}),
			message: "shop/charts/inner.tgz: shop/x is a link",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := unpack(packed{place: "ConfigMap soak/shop, shop.tgz", content: test.content})
			wantProblem(t, err, ReasonChartInvalid, "ConfigMap soak/shop, shop.tgz is no chart that could be used: ", test.message)
		})
	}
}

// Each of them is small for what it unpacks to. The limit is lower here, so as not to wait for the real one.
func TestBombs(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	large := func(files int) []file {
		var all []file
		for i := range files {
			all = append(all, file{name: fmt.Sprintf("shop/files/%d", i), zeros: mebibyte})
		}
		return all
	}
	deep := shop(t)
	for range depthLimit {
		deep = shop(t, file{name: "shop/charts/inner.tgz", content: string(deep)})
	}
	var empty, nested []file
	for i := range 2 * mebibyte / headerSize {
		empty = append(empty, file{name: fmt.Sprintf("shop/%d", i)})
	}
	inner := string(shop(t, large(1)...))
	for i := range 2 {
		nested = append(nested, file{name: fmt.Sprintf("shop/charts/%d.tgz", i), content: inner})
	}
	for name, test := range map[string]struct {
		content []byte
		message string
	}{
		"one large file":           {content: shop(t, file{name: "shop/large", zeros: 6 * mebibyte}), message: "shop/large is of 6144 KiB: a file in a chart may have 5120"},
		"many large files":         {content: shop(t, large(2)...), message: "unpacks to more than 2 MiB"},
		"large charts in a chart":  {content: shop(t, nested...), message: "unpacks to more than 2 MiB"},
		"a chart in a chart in a…": {content: deep, message: "charts are packed into charts more than 8 deep"},
		"empty files":              {content: shop(t, empty...), message: "unpacks to more than 2 MiB"},
	} {
		if len(test.content) > 100<<10 {
			t.Errorf("%s: it is of %d KiB, and no bomb", name, len(test.content)>>10)
		}
		if _, err := measure(test.content, 2*mebibyte); err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: error is %v, want %s", name, err, test.message)
		}
	}
	if _, err := measure(shop(t, large(1)...), 2*mebibyte); err != nil {
		t.Errorf("what is within the limits: %v", err)
	}
}

// Helm's loader has limits of its own, whose values are ours too.
func TestBombForHelm(t *testing.T) {
	t.Parallel()
	bomb := shop(t, file{name: "shop/large", zeros: 6 << 20})
	_, _, err := unpack(packed{place: "here", content: bomb})
	wantProblem(t, err, ReasonChartInvalid, "shop/large is of 6144 KiB")
	if _, err := loader.LoadArchive(bytes.NewReader(bomb)); err == nil {
		t.Error("Helm's loader takes a file of 6 MiB")
	}
	if loader.MaxDecompressedChartSize != 100<<20 || loader.MaxDecompressedFileSize != 5<<20 {
		t.Error("the limits of Helm's loader are others")
	}
}
