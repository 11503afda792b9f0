package stats

import "gonum.org/v1/gonum/stat/distuv"

// Rate returns the share of successes among all trials, between 0 and 1. It is not defined without any trial: ok is
// false then.
func Rate(successes, trials int) (rate float64, ok bool) {
	if trials <= 0 {
		return 0, false
	}
	return float64(successes) / float64(trials), true
}

// LowerBound returns the success rate, between 0 and 1, that the true one exceeds with the given confidence (0.95 for
// 95 %), after so many successes and failures in independent trials. It is the one-sided bound of Clopper and Pearson
// (Biometrika 26, 1934), which never promises more than it keeps; the usual approximations do where rates are near 1.
// Without a success it is 0.
func LowerBound(successes, failures int, confidence float64) float64 {
	if successes <= 0 {
		return 0
	}
	return distuv.Beta{Alpha: float64(successes), Beta: float64(max(failures, 0)) + 1}.Quantile(1 - confidence)
}
