// Package inside tells a call that is made in the fn of a claim from one that is made elsewhere, so that a call which would go
// past the claim's transaction can be refused. The context that fn is given carries the claim.
package inside

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"sync"
)

// Claim is a claim whose fn runs.
type Claim struct {
	Name  string      // what was claimed, for errors
	Pool  *sql.DB     // the store's; nil: the claim has no transaction, but a lease
	Alone bool        // the database has one writer at a time
	Ended func() bool // whether fn has returned
	Tx    any         // what the store gives fn, for [Tx]; nil if nothing

	outer *Claim
	mu    sync.Mutex
	holds map[string]bool
}

// Hold notes what the claim's transaction has locked.
func (c *Claim) Hold(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holds == nil {
		c.holds = map[string]bool{}
	}
	c.holds[what] = true
}

func (c *Claim) has(what string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holds[what]
}

type key struct{}

// position is where a call is made.
type position struct {
	claim   *Claim
	outside bool // what goes past the claim is meant
}

// Enter returns fn's context.
func Enter(ctx context.Context, c *Claim) context.Context {
	at, _ := ctx.Value(key{}).(position)
	c.outer = at.claim
	return context.WithValue(ctx, key{}, position{claim: c})
}

// Outside returns a context whose calls are meant to go past the claim that ctx is inside of.
func Outside(ctx context.Context) context.Context {
	at, _ := ctx.Value(key{}).(position)
	at.outside = true
	return context.WithValue(ctx, key{}, at)
}

// Tx returns the Tx of the claim that ctx is inside of. Tx returns nil outside of a claim, after its fn has returned, and for a
// context that Outside has returned.
func Tx(ctx context.Context) any {
	at, _ := ctx.Value(key{}).(position)
	if at.claim == nil || at.outside || at.claim.Ended() {
		return nil
	}
	return at.claim.Tx
}

// Refuse returns an error for a call on a pool that the fn of a claim on that pool makes: the call commits by itself, whatever
// becomes of the claim, or waits for the claim's transaction. A transaction or a connection of the caller's is no pool.
func Refuse(ctx context.Context, db any) error {
	at, _ := ctx.Value(key{}).(position)
	if at.claim == nil {
		return nil
	}
	pool := poolOf(reflect.ValueOf(db), embeddingDepth)
	for c := at.claim; pool != nil && c != nil; c = c.outer {
		switch {
		case c.Pool != pool || c.Ended():
		case c.Alone || pool.Stats().MaxOpenConnections == 1:
			return fmt.Errorf("this call is made on the pool inside the fn of %s and would wait for fn's transaction, which waits for this call: use fn's Tx, or call it when fn has returned", c.Name)
		case !at.outside:
			return fmt.Errorf("this call is made on the pool inside the fn of %s, so it would not be rolled back with fn's effect: use fn's Tx (Once or Filter for another key), or give it keys.Outside(ctx) if that is meant", c.Name)
		}
	}
	return nil
}

// RefuseHeld returns an error for a call that would wait for what the transaction of a claim around it has locked.
func RefuseHeld(ctx context.Context, what string) error {
	at, _ := ctx.Value(key{}).(position)
	for c := at.claim; c != nil; c = c.outer {
		switch {
		case c.Ended() || !c.has(what):
		case c.Pool == nil:
			return fmt.Errorf("this call is made inside the fn of %s, which has the key's lease, and would wait for it: use another key, or call it when fn has returned", c.Name)
		default:
			return fmt.Errorf("this call is made inside the fn of %s, whose transaction holds the lock that the call would wait for: use Once or Filter with fn's Tx, or call it when fn has returned", c.Name)
		}
	}
	return nil
}

// embeddingDepth bounds how deep a pool is looked for in structs that embed it.
const embeddingDepth = 5

var poolType = reflect.TypeFor[*sql.DB]()

// poolOf returns the pool that a handle is or embeds, as *sqlx.DB does.
func poolOf(v reflect.Value, depth int) *sql.DB {
	for v.IsValid() && v.Type() != poolType && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
		return nil
	case v.Type() == poolType:
		return (*sql.DB)(v.UnsafePointer())
	case v.Kind() != reflect.Struct || depth == 0:
		return nil
	}
	for i := range v.NumField() {
		if !v.Type().Field(i).Anonymous {
			continue
		}
		if pool := poolOf(v.Field(i), depth-1); pool != nil {
			return pool
		}
	}
	return nil
}
