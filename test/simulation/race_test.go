//go:build race

package simulation

// defaultSeeds is how many stories are played in about 20 s, with the race detector.
const defaultSeeds = 150
