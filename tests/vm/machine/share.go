package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rt/tests/vm/facts"
)

// archive writes the shared directory and the command to an unlinked file, which is a disk of the machine. The machine
// has a copy: no file server, no kernel without its file system, and nothing of the host that a test could spoil.
func archive(share string, command []string) (*os.File, error) {
	file, err := unlinked(0)
	if err != nil {
		return nil, err
	}
	writer := tar.NewWriter(file)
	text, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: facts.CommandFile, Mode: 0o600, Size: int64(len(text))}
	if err := writer.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := writer.Write(text); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(share, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == share {
			return err
		}
		return add(writer, share, path, entry)
	})
	if err != nil {
		return nil, fmt.Errorf("the shared directory %s: %w", share, err)
	}
	return file, writer.Close()
}

func add(writer *tar.Writer, share, path string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	} else if !info.IsDir() && !info.Mode().IsRegular() {
		return nil // a socket or a device is no content
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	if header.Name, err = filepath.Rel(share, path); err != nil {
		return err
	}
	if err := writer.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(writer, file)
	return err
}

// unlinked makes a file that ends with its descriptor.
func unlinked(size int64) (*os.File, error) {
	file, err := os.CreateTemp("", "machine")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	return file, file.Truncate(size)
}
