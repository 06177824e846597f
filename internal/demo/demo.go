// Package demo prototype.
package demo
