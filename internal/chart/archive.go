package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// unpack parses a packaged chart, and returns how much of memory its files take.
func unpack(source packed) (*chart.Chart, int64, error) {
	size, err := measure(source.content, loader.MaxDecompressedChartSize)
	if err != nil {
		return nil, 0, mend(ReasonChartInvalid, "%s is no chart that could be used: %v", source.place, err)
	}
	parsed, err := loader.LoadArchive(bytes.NewReader(source.content))
	if err != nil {
		return nil, 0, mend(ReasonChartInvalid, "%s is no chart that could be used: %v", source.place, err)
	}
	return parsed, size, nil
}

const (
	// headerSize is what a file costs however short it is: as much as it takes in the archive.
	headerSize = 512
	// depthLimit is how deep charts may be packed into charts.
	depthLimit = 8
)

// archive is what Helm's loader is about to unpack. The loader bounds what a file and an archive unpack to, but not how
// many archives there are in an archive, nor how many empty files, and it takes a link for an empty file.
type archive struct {
	// limit is how much may be unpacked, left is what may still be.
	limit, left int64
}

// measure returns how much a packaged chart unpacks to, with all the charts in it, or why it must not be unpacked.
func measure(content []byte, limit int64) (int64, error) {
	walk := archive{limit: limit, left: limit}
	if err := walk.through(bytes.NewReader(content), 1); err != nil {
		return 0, err
	}
	return limit - walk.left, nil
}

func (a *archive) through(content io.Reader, depth int) error {
	if depth > depthLimit {
		return fmt.Errorf("charts are packed into charts more than %d deep", depthLimit)
	}
	unzipped, err := gzip.NewReader(content)
	if err != nil {
		return fmt.Errorf("it is no archive as helm package makes it: %w", err)
	}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return unzipped.Close()
		}
		if err != nil {
			return fmt.Errorf("it is no archive as helm package makes it: %w", err)
		}
		if err := a.account(header); err != nil {
			return err
		}
		if !holdsChart(header.Name) {
			continue
		}
		if err := a.through(files, depth+1); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

// account takes a file into account before any of it is read.
func (a *archive) account(header *tar.Header) error {
	name := slashed(header.Name)
	switch header.Typeflag {
	case tar.TypeXGlobalHeader: // what git archive writes: no file
		return nil
	case tar.TypeReg, tar.TypeDir:
	default:
		return fmt.Errorf("%s is a link or a device: only plain files can be in a chart", header.Name)
	}
	if !filepath.IsLocal(name) {
		return fmt.Errorf("the path of %s leads out of the chart", header.Name)
	}
	if header.Size > loader.MaxDecompressedFileSize {
		return fmt.Errorf("%s is of %d KiB: a file in a chart may have %d", header.Name, header.Size>>10, loader.MaxDecompressedFileSize>>10)
	}
	if a.left -= headerSize + header.Size; a.left < 0 {
		return fmt.Errorf("it unpacks to more than %d MiB, with all the charts in it", a.limit>>20)
	}
	return nil
}

// holdsChart tells whether Helm would unpack a file as a chart: those in a folder charts, but for hidden ones.
func holdsChart(name string) bool {
	folder, file := path.Split(path.Clean(slashed(name)))
	return path.Base(folder) == "charts" && path.Ext(file) == ".tgz" && strings.IndexAny(file, "_.") != 0
}

// slashed is a path as Helm reads it: archives from Windows may have backslashes.
func slashed(name string) string { return strings.ReplaceAll(name, `\`, "/") }
