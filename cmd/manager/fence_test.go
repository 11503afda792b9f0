package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lease is a lock that answers as it is told to, after a while.
type lease struct {
	resourcelock.Interface
	answer error
	takes  time.Duration
}

func (l *lease) Identity() string { return "me" }

func (l *lease) Create(context.Context, resourcelock.LeaderElectionRecord) error { return l.reply() }

func (l *lease) Update(context.Context, resourcelock.LeaderElectionRecord) error { return l.reply() }

func (l *lease) reply() error {
	timer := time.NewTimer(l.takes)
	<-timer.C
	return l.answer
}

func TestFence(t *testing.T) {
	t.Parallel()
	mine := resourcelock.LeaderElectionRecord{HolderIdentity: "me"}
	for name, test := range map[string]struct {
		act  func(*fence, *lease)
		wait time.Duration
		open bool
	}{
		"never led":                {func(*fence, *lease) {}, 0, false},
		"took the lease":           {func(f *fence, _ *lease) { _ = f.Create(t.Context(), mine) }, 9 * time.Second, true},
		"renewed it":               {func(f *fence, _ *lease) { _ = f.Update(t.Context(), mine) }, 9 * time.Second, true},
		"was frozen":               {func(f *fence, _ *lease) { _ = f.Update(t.Context(), mine) }, 10 * time.Second, false},
		"was refused":              {func(f *fence, l *lease) { l.answer = errors.New("conflict"); _ = f.Update(t.Context(), mine) }, 0, false},
		"counts from the question": {func(f *fence, l *lease) { l.takes = 4 * time.Second; _ = f.Update(t.Context(), mine) }, 6 * time.Second, false},
		"could not renew in time": {func(f *fence, l *lease) {
			_ = f.Update(t.Context(), mine)
			l.answer = errors.New("unreachable")
			_ = f.Update(t.Context(), mine)
		}, 9 * time.Second, true},
		"gives it up": {func(f *fence, l *lease) {
			_ = f.Update(t.Context(), mine)
			l.answer = errors.New("unreachable")
			_ = f.Update(t.Context(), resourcelock.LeaderElectionRecord{})
		}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lock := &lease{}
				f := &fence{Interface: lock, length: 10 * time.Second}
				test.act(f, lock)
				timer := time.NewTimer(test.wait)
				<-timer.C
				if err := f.check(); (err == nil) != test.open {
					t.Errorf("check: %v, want open %t", err, test.open)
				}
			})
		})
	}
}
