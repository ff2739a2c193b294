package spec

//go:generate go run ./internal/gen
