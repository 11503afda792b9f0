// Package account says how to act as a service account: everything that is done for an experiment is done with the
// rights of its account, and with no other's.
package account

import "k8s.io/client-go/rest"

// UserName is what the API server calls a service account.
func UserName(namespace, serviceAccount string) string {
	return "system:serviceaccount:" + namespace + ":" + serviceAccount
}

// Impersonate returns a copy of a configuration that acts as a service account. Its user must be allowed to impersonate
// that service account, and needs no other right.
//
// No groups are named. The API server then adds those that a token of the account would have, system:authenticated
// among them; and whoever names groups must be allowed to impersonate each of them, for any user whatsoever.
func Impersonate(config *rest.Config, namespace, serviceAccount string) *rest.Config {
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: UserName(namespace, serviceAccount)}
	return config
}
