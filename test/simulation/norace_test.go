//go:build !race

package simulation

// defaultSeeds is how many stories are played in about 20 s.
const defaultSeeds = 3000
