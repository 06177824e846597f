package config24

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// registryHosts is the method by which the CRI image service finds the hosts of
// a registry. It is not exported; everything that leads to it would need a
// running daemon.
//
//go:linkname registryHosts github.com/containerd/containerd/v2/internal/cri/server/images.(*CRIImageService).registryHosts
func registryHosts(service unsafe.Pointer, ctx context.Context, credentials func(string) (string, string, error), update config.UpdateClientFunc) docker.RegistryHosts

// parseAuth is how it makes a login of what is configured.
//
//go:linkname parseAuth github.com/containerd/containerd/v2/internal/cri/server/images.ParseAuth
func parseAuth(auth *runtime.AuthConfig, host string) (string, string, error)

// configured are the credentials that a pull without its own comes with, found
// as PullImage of the CRI server finds them.
func configured(images reflect.Value) func(string) (string, string, error) {
	configs := images.FieldByName("Registry").FieldByName("Configs")
	return func(host string) (string, string, error) {
		c := configs.MapIndex(reflect.ValueOf(host))
		if !c.IsValid() || c.FieldByName("Auth").IsNil() {
			return parseAuth(nil, host)
		}
		a := c.FieldByName("Auth").Elem()
		text := func(field string) string { return a.FieldByName(field).String() }
		return parseAuth(&runtime.AuthConfig{
			Username: text("Username"), Password: text("Password"), Auth: text("Auth"), IdentityToken: text("IdentityToken"),
		}, host)
	}
}

// hostsOf runs it on a service that has its configuration and nothing else: the
// configuration is the service's first field.
func hostsOf(images reflect.Value, registry string, credentials func(string) (string, string, error)) ([]docker.RegistryHost, error) {
	service := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Config", Type: images.Type()},
		{Name: "Rest", Type: reflect.TypeFor[[4096]byte]()},
	}))
	service.Elem().Field(0).Set(images)
	return registryHosts(service.UnsafePointer(), context.Background(), credentials, nil)(registry)
}

// copyOf copies what a pointer points to, maps and slices included: decoding
// writes into the defaults.
func copyOf(p any) any {
	out := reflect.New(reflect.TypeOf(p).Elem())
	out.Elem().Set(deep(reflect.ValueOf(p).Elem()))
	return out.Interface()
}

func deep(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Map:
		if v.IsNil() {
			return out
		}
		out.Set(reflect.MakeMap(v.Type()))
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), deep(it.Value()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(deep(v.Field(i)))
			}
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(deep(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v))
		}
	}
	return out
}
