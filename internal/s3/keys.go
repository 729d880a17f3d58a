package s3

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"

	"github.com/howdah/howdah"
)

// remembered is how long a key that was looked up is taken as it was: a revoked key works no longer than that.
const remembered = 2 * time.Second

// keys are the accounts that signatures are verified with: those of the database, remembered for a moment.
type keys struct {
	ctx context.Context
	db  *howdah.DB

	mu    sync.Mutex
	known map[string]key
}

type key struct {
	howdah.AccessKey
	secret string
	ok     bool
	until  time.Time
}

func newKeys(ctx context.Context, db *howdah.DB) *keys {
	return &keys{ctx: ctx, db: db, known: map[string]key{}}
}

func (k *keys) find(access string) (key, error) {
	now := time.Now()
	k.mu.Lock()
	found, ok := k.known[access]
	k.mu.Unlock()
	if ok && now.Before(found.until) {
		return found, nil
	}
	access = strings.Clone(access) // it lies in the buffer of the request
	found = key{until: now.Add(remembered)}
	var err error
	if found.AccessKey, found.secret, found.ok, err = k.db.FindAccessKey(k.ctx, access); err != nil {
		return key{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) > 1000 { // among them what strangers made up
		clear(k.known)
	}
	k.known[access] = found
	return found, nil
}

// GetUserAccount implements auth.IAMService. Every key is an administrator to the library, so that its own policies and
// ACLs never decide: store does, by the key's rights.
func (k *keys) GetUserAccount(access string) (auth.Account, error) {
	found, err := k.find(access)
	if err != nil {
		return auth.Account{}, s3err.GetAPIError(s3err.ErrSlowDown)
	}
	if !found.ok {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return auth.Account{Access: access, Secret: found.secret, Role: auth.RoleAdmin}, nil
}

// ResolveAccounts implements auth.IAMService.
func (k *keys) ResolveAccounts(access []string) ([]string, error) { return access, nil }

// CreateAccount implements auth.IAMService: keys are made with `howdah key`.
func (k *keys) CreateAccount(auth.Account) error {
	return s3err.GetAPIError(s3err.ErrAdminMethodNotSupported)
}

// UpdateUserAccount implements auth.IAMService.
func (k *keys) UpdateUserAccount(string, auth.MutableProps) error {
	return s3err.GetAPIError(s3err.ErrAdminMethodNotSupported)
}

// DeleteUserAccount implements auth.IAMService.
func (k *keys) DeleteUserAccount(string) error {
	return s3err.GetAPIError(s3err.ErrAdminMethodNotSupported)
}

// ListUserAccounts implements auth.IAMService.
func (k *keys) ListUserAccounts() ([]auth.Account, error) {
	return nil, s3err.GetAPIError(s3err.ErrAdminMethodNotSupported)
}

// Shutdown implements auth.IAMService.
func (k *keys) Shutdown() error { return nil }
